// Negative log-likelihood of classes (torch.nn.NLLLoss), with the label smoothing that crossEntropy needs. It uses plain loops over the
// batch, because it reads only few numbers per sample. Sums are computed in float64 in a fixed order.
import { changed, construct } from '../construction.ts';
import { z } from 'zod';
import { type Backward, record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { exp } from '../ops/elementwise.ts';
import { formatShape, sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { keepingFewProblems, show } from '../validation.ts';
import { checkLoss, checkReduction, defineLoss, LossModule, type Reduction, scalarReduction } from './define.ts';
import { checkClasses, checkLogProbabilities, classFactors, factorsArgument, noneCounts } from './targets.ts';

export interface NllLossOptions {
  /** The factor of each class, of shape [C]. Default: 1. The mean is divided by the sum of the factors, as in PyTorch. */
  readonly weight?: Tensor | undefined;
  /** Targets with this number are ignored. Default: -100. */
  readonly ignoreIndex?: number;
  /** Default: 'mean'. */
  readonly reduction?: Reduction;
}

export interface SmoothedNllLossOptions extends NllLossOptions {
  /** The share of the target that is spread evenly over all classes, from 0 to 1. Default: 0. */
  readonly labelSmoothing?: number;
}

/** The names of the options in {@link SmoothedNllLossOptions}. */
export const smoothedOptions = ['reduction', 'weight', 'ignoreIndex', 'labelSmoothing'] as const;

/**
 * Where the log-probabilities lie in memory. A position is one place that has a class: a sample, or a pixel of a sample. The
 * log-probabilities of one position are `step` elements apart.
 */
interface Layout {
  readonly classes: number;
  readonly positions: number;
  readonly step: number;
}

function layoutOf(logProbabilities: Tensor, target: Tensor): Layout {
  const { shape } = logProbabilities;
  const classDim = shape.length === 1 ? 0 : 1;
  const wanted = shape.filter((_, dim) => dim !== classDim);
  if (shape.length === 0 || !sameShape(wanted, target.shape)) {
    throw new ShapeError(
      `nllLoss: an input ${formatShape(shape)} (batch, classes, …) needs a target ${formatShape(wanted)}, got ${formatShape(target.shape)}${target.size === sizeOf(wanted) ? `: use target.reshape(${formatShape(wanted)})` : ''}`,
    );
  }
  return { classes: shape[classDim], positions: target.size, step: sizeOf(shape.slice(classDim + 1)) };
}

/** Returns the index of class 0 of a position. */
function startOf({ classes, step }: Layout, position: number): number {
  return step === 1 ? position * classes : Math.floor(position / step) * classes * step + (position % step);
}

function classesOf(target: Tensor, classes: number, ignoreIndex: number): Int32Array {
  const { storage } = target;
  if (!(storage instanceof Int32Array)) {
    throw new ArgumentError(
      `targets that are classes must be int32, got ${target.dtype}: make them with indices(), or compare values with mseLoss`,
    );
  }
  for (let i = 0; i < storage.length; i++) {
    const value = storage[i];
    if ((value < 0 || value >= classes) && value !== ignoreIndex) {
      throw new ArgumentError(
        `target ${i} is class ${value}, but there are ${classes} classes, numbered from 0 to ${classes - 1}: subtract 1 from labels that begin at 1, or set ignoreIndex`,
      );
    }
  }
  return storage;
}

/**
 * Computes −Σ q·logProbabilities, where q is 1 for the target's class and otherwise 0 (torch.nn.functional.nll_loss). With labelSmoothing q
 * is smoothed as in cross_entropy.
 * @param logProbabilities a floating-point tensor [N, C], [N, C, …] or [C]
 * @param target classes (int32) of the same shape without C
 * @throws ShapeError if the shapes of the input and the target do not fit
 * @throws ArgumentError if a class does not exist or an option is out of range
 */
export function nllLoss(logProbabilities: Tensor, target: Tensor, options: SmoothedNllLossOptions = {}): Tensor {
  checkLoss('nllLoss', logProbabilities, target, options, smoothedOptions);
  const { weight, ignoreIndex = -100, reduction = 'mean', labelSmoothing = 0 } = options;
  checkReduction('nllLoss', reduction);
  if (!Number.isInteger(ignoreIndex)) throw new ArgumentError(`nllLoss: ignoreIndex must be a whole number, got ${show(ignoreIndex)}`);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ArgumentError(`labelSmoothing must be from 0 to 1, got ${labelSmoothing}`);
  }
  const layout = layoutOf(logProbabilities, target);
  const { classes, positions, step } = layout;
  if (weight !== undefined && !sameShape(weight.shape, [classes])) {
    throw new ShapeError(`nllLoss: the weight of ${classes} classes must have shape [${classes}], got ${formatShape(weight.shape)}`);
  }
  const ones = new Float32Array(classes).fill(1);
  const spread = labelSmoothing / classes;
  let labels: Int32Array;
  let factors: FloatArray;
  let totalFactor = 0;

  const forward = (): FloatArray => {
    labels = classesOf(target, classes, ignoreIndex);
    factors = weight?.values ?? ones;
    const { values } = logProbabilities;
    const losses = backend().allocate(reduction === 'none' ? positions : 1);
    let total = 0;
    totalFactor = 0;
    for (let p = 0; p < positions; p++) {
      const label = labels[p];
      let loss = 0;
      if (label !== ignoreIndex) {
        const start = startOf(layout, p);
        loss = -(1 - labelSmoothing) * factors[label] * values[start + label * step];
        if (spread > 0) for (let c = 0; c < classes; c++) loss -= spread * factors[c] * values[start + c * step];
        totalFactor += factors[label];
      }
      if (reduction === 'none') losses[p] = loss;
      total += loss;
    }
    if (reduction !== 'none') losses[0] = reduction === 'mean' ? total / totalFactor : total;
    return losses;
  };

  const backward: Backward = (g, _needed, grads) => {
    const dx = backend().allocate(logProbabilities.size);
    backend().fill(dx, 0);
    for (let p = 0; p < positions; p++) {
      const label = labels[p];
      if (label === ignoreIndex) continue;
      const slope = reduction === 'none' ? g[p] : reduction === 'mean' ? g[0] / totalFactor : g[0];
      const start = startOf(layout, p);
      if (spread > 0) for (let c = 0; c < classes; c++) dx[start + c * step] = -slope * spread * factors[c];
      dx[start + label * step] -= slope * (1 - labelSmoothing) * factors[label];
    }
    grads[0] = dx;
    return grads;
  };
  return record({
    name: 'NllLoss',
    forward,
    shape: reduction === 'none' ? target.shape : [],
    inputs: [logProbabilities],
    saved: weight === undefined ? [target] : [target, weight],
    backward,
  });
}

/** A module that computes {@link nllLoss}. */
export class NLLLoss extends LossModule<NllLossOptions> {
  override forward(logProbabilities: Tensor, target: Tensor): Tensor {
    return nllLoss(logProbabilities, target, this.options);
  }
}

/** The options of a job's loss for classes. */
export const classOptions = {
  weight: z
    .union([keepingFewProblems(z.array(z.number().min(0)).min(1)), z.literal('balanced')])
    .optional()
    .describe(
      'The factor of each class. `balanced`: the number of training samples, divided by the number of classes and by the number of samples of the class; 0 for a class without samples. Default: 1',
    ),
  ignoreIndex: z.int().default(-100).describe('Targets with this class are ignored'),
};

const options = { ...classOptions, reduction: scalarReduction };

export const nll = defineLoss({
  type: 'nll',
  description: 'Negative log-likelihood of log-probabilities: for targets that are class labels',
  options,
  check(compared, { weight }) {
    checkClasses('nll', compared, weight);
    checkLogProbabilities('nll', compared);
  },
  build({ weight, ...rest }) {
    const options = { ...rest, weight: classFactors(weight) };
    return (output, target) => nllLoss(output, target, options);
  },
  unfitTargets: noneCounts,
  probabilities: exp,
  onnxProbabilities: ({ input, node }) => node('Exp', [input]),
  pytorch: ({ weight, ...rest }) => construct('nn.NLLLoss', [], { ...factorsArgument(weight), ...changed(options, rest) }),
});
