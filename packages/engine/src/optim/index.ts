// The list of optimizers. A new optimizer needs a file next to this one and a line here.
import type { z } from 'zod';
import { type AnyOptions, registry } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { adadelta } from './adadelta.ts';
import { adagrad } from './adagrad.ts';
import { adam } from './adam.ts';
import { adamax } from './adamax.ts';
import { adamW } from './adamW.ts';
import type { OptimizerDefinition } from './define.ts';
import { nAdam } from './nAdam.ts';
import type { Optimizer } from './optimizer.ts';
import { rAdam } from './rAdam.ts';
import { rmsprop } from './rmsprop.ts';
import { sgd } from './sgd.ts';

export { Adadelta, type AdadeltaOptions } from './adadelta.ts';
export { Adagrad, type AdagradOptions } from './adagrad.ts';
export { Adam, type AdamOptions } from './adam.ts';
export { Adamax, type AdamaxOptions } from './adamax.ts';
export { AdamW, type AdamWOptions } from './adamW.ts';
export { takesMomentum } from './define.ts';
export { NAdam, type NAdamOptions } from './nAdam.ts';
export { Optimizer, type SavedParameterState } from './optimizer.ts';
export { RAdam, type RAdamOptions } from './rAdam.ts';
export { RMSprop, type RMSpropOptions } from './rmsprop.ts';
export { SGD, type SgdOptions } from './sgd.ts';

const optimizers = registry('optimizer', [sgd, adam, adamW, rmsprop, adagrad, adadelta, adamax, nAdam, rAdam]);

export const optimizerDefinitions: readonly OptimizerDefinition[] = optimizers.definitions;
/** The schema of an optimizer in a job spec. */
export const optimizerSchema = optimizers.schema;
/** An optimizer of a job spec with its defaults filled in. */
export type OptimizerSpec = z.output<typeof optimizerSchema>;

/** Returns the definition of an optimizer type. @throws ArgumentError for an unknown type. The message lists the known types. */
export function findOptimizer(type: string): OptimizerDefinition {
  return optimizers.find(type);
}

/**
 * Returns the options of each group of an optimizer: first its own, which the weights without a group have, then those of its groups, with
 * the own options for what they leave out.
 */
export function optionsOfGroups({ type: _type, groups = [], ...own }: OptimizerSpec): readonly GroupOptions[] {
  return [own, ...groups.map(({ layers: _layers, ...changes }) => ({ ...own, ...changes }))];
}

/** The options of one group, with those that every optimizer has. */
export type GroupOptions = AnyOptions & { readonly learningRate: number };

/**
 * Builds the optimizer of a job spec for these parameters.
 * @throws ArgumentError if the spec has groups, because they select parameters by their names
 */
export function buildOptimizer(spec: OptimizerSpec, parameters: readonly Tensor[]): Optimizer {
  const { type, ...options } = spec;
  return findOptimizer(type).build(options, parameters);
}
