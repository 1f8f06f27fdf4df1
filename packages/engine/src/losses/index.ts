// The list of losses. A new loss needs a file next to this one and a line here.
import type { z } from 'zod';
import { registry } from '../registry.ts';
import { bce } from './bce.ts';
import { bceWithLogits } from './bceWithLogits.ts';
import { crossEntropyDefinition } from './crossEntropy.ts';
import type { Criterion, LossDefinition } from './define.ts';
import { huber } from './huber.ts';
import { klDiv } from './klDiv.ts';
import { l1 } from './l1.ts';
import { mse } from './mse.ts';
import { nll } from './nll.ts';
import { smoothL1 } from './smoothL1.ts';

export { BCELoss, type BceLossOptions, bceLoss } from './bce.ts';
export { BCEWithLogitsLoss, type BceWithLogitsLossOptions, bceWithLogitsLoss } from './bceWithLogits.ts';
export { CrossEntropyLoss, type CrossEntropyLossOptions, crossEntropy } from './crossEntropy.ts';
export type { Compared, Criterion, LossDefinition, Reduction } from './define.ts';
export { HuberLoss, type HuberLossOptions, huberLoss } from './huber.ts';
export { KLDivLoss, type KlDivLossOptions, klDivLoss } from './klDiv.ts';
export { L1Loss, l1Loss } from './l1.ts';
export { MSELoss, type MseLossOptions, mseLoss } from './mse.ts';
export { NLLLoss, type NllLossOptions, nllLoss } from './nll.ts';
export type { PointwiseOptions } from './pointwise.ts';
export { SmoothL1Loss, type SmoothL1LossOptions, smoothL1Loss } from './smoothL1.ts';

const losses = registry('loss', [mse, l1, smoothL1, huber, crossEntropyDefinition, nll, bce, bceWithLogits, klDiv]);

export const lossDefinitions: readonly LossDefinition[] = losses.definitions;
/** The schema of the loss in a job spec. */
export const lossSchema = losses.schema;
/** The loss in a job spec, with its defaults filled in. */
export type LossSpec = z.output<typeof lossSchema>;

/** Returns the definition of a loss. @throws ArgumentError for an unknown type; the message lists the known ones */
export function findLoss(type: string): LossDefinition {
  return losses.find(type);
}

/** Returns the function for the loss of a job spec. */
export function buildLoss(spec: LossSpec): Criterion {
  const { type, ...options } = spec;
  return findLoss(type).build(options);
}
