// Kullback–Leibler divergence of log-probabilities from target probabilities (torch.nn.KLDivLoss): for targets that are
// distributions.
import { changed, construct } from '../construction.ts';
import { z } from 'zod';
import { exp, log } from '../math.ts';
import { exp as expOf } from '../ops/elementwise.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, checkReduction, defineLoss, LossModule, type Reduction } from './define.ts';
import { type Formula, pointwiseLoss } from './pointwise.ts';
import { checkLogProbabilities, checkValues } from './targets.ts';

export interface KlDivLossOptions {
  /** Default: 'mean', over all elements. 'batchmean' divides by the number of samples, which is the mathematical divergence. */
  readonly reduction?: Reduction | 'batchmean';
  /** Whether the target has log-probabilities too. Default: false. */
  readonly logTarget?: boolean;
}

const ofProbabilities: Formula = {
  // 0·log 0 counts as 0, which is its limit.
  value: (input, target) => (target === 0 ? 0 : target * log(target)) - target * input,
  inputSlope: (_, target) => -target,
  targetSlope: (input, target) => log(target) + 1 - input,
};
const ofLogProbabilities: Formula = {
  value: (input, target) => exp(target) * (target - input),
  inputSlope: (_, target) => -exp(target),
  targetSlope: (input, target) => exp(target) * (target - input + 1),
};

/**
 * Computes target·(log target − input) for each element, and reduces the results (torch.nn.functional.kl_div).
 * @param input log-probabilities
 * @throws ShapeError if the shapes of input and target differ
 * @throws ArgumentError if the reduction is unknown
 */
export function klDivLoss(input: Tensor, target: Tensor, options: KlDivLossOptions = {}): Tensor {
  checkLoss('klDivLoss', input, target, options, ['reduction', 'logTarget']);
  const { reduction = 'mean', logTarget = false } = options;
  checkReduction('klDivLoss', reduction, ['mean', 'batchmean', 'sum', 'none']);
  const formula = logTarget ? ofLogProbabilities : ofProbabilities;
  return pointwiseLoss(input, target, { name: 'klDivLoss', node: 'KlDiv', reduction, formula });
}

/** A module that computes {@link klDivLoss}. */
export class KLDivLoss extends LossModule<KlDivLossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return klDivLoss(input, target, this.options);
  }
}

const options = {
  reduction: z
    .enum(['mean', 'batchmean', 'sum'])
    .default('mean')
    .describe('How the losses of a batch become one number: `mean` over all elements, `batchmean` over the samples, or `sum`'),
  logTarget: z.boolean().default(false).describe('Whether the targets are log-probabilities too'),
};

export const klDiv = defineLoss({
  type: 'klDiv',
  description: 'Kullback–Leibler divergence of log-probabilities: for targets that are distributions',
  options,
  check(compared) {
    checkValues('klDiv', compared);
    checkLogProbabilities('klDiv', compared);
  },
  build: (options) => (output, target) => klDivLoss(output, target, options),
  unfitTargets: (targets, { logTarget }) =>
    !logTarget && targets.some((value) => value < 0)
      ? 'a target is below 0, so it is not a probability: use targets from 0 to 1, or logTarget for log-probabilities'
      : null,
  probabilities: (output) => expOf(output),
  onnxProbabilities: ({ input, node }) => node('Exp', [input]),
  pytorch: (given) => construct('nn.KLDivLoss', [], changed(options, given)),
});
