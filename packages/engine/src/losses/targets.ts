// Rules for the outputs and targets that losses can compare: for losses of values and for losses of class labels. They are for job specs,
// before anything is computed. The functions of the losses make their own checks.
import { z } from 'zod';
import type { TargetArray } from '../data/dataset.ts';
import { type TensorValue, tensors, type Variable } from '../construction.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import { type Tensor, tensor } from '../tensor.ts';
import type { Compared } from './define.ts';
import { keepingFewProblems } from '../validation.ts';

/** Checks a loss of values. @throws ShapeError unless the targets are values of the output's shape */
export function checkValues(loss: string, { output, target }: Compared): void {
  if (target.kind === 'class') {
    throw new ShapeError(
      `${loss} needs targets that are values, but the data's targets are labels of ${target.classes.length} classes: use the crossEntropy loss`,
      'type',
    );
  }
  if (!sameShape(output, target.shape)) {
    const [features] = target.shape;
    const remedy =
      target.shape.length === 1 ? `end with a linear layer of outFeatures ${features}` : 'change the last layers, or the targets';
    throw new ShapeError(
      `${loss} needs an output of the targets' shape ${formatShape(target.shape)}, got ${formatShape(output)}: ${remedy}`,
    );
  }
}

/**
 * Returns the advice for a loss that needs classes when the targets are values. The user may have meant a single value per sample as a
 * class.
 */
function valuesRemedy(targets: Shape, output: Shape): string {
  const values = sameShape(targets, output) ? 'use the mse loss' : `use the mse loss and an output of shape ${formatShape(targets)}`;
  return targets.length === 1 && targets[0] === 1
    ? `if they are classes, upload them as classes (targetKind=class), else ${values}`
    : values;
}

/** The option `weight` of a loss of classes: the factor of each class, or `balanced`. */
export type ClassWeight = readonly number[] | 'balanced';

/** Checks a loss of classes. @throws ShapeError unless the output, and the weights if there are some, have one number per class */
export function checkClasses(loss: string, { output, target }: Compared, weight?: ClassWeight): void {
  if (target.kind !== 'class') {
    throw new ShapeError(
      `${loss} needs targets that are class labels, but the data's targets are values of shape ${formatShape(target.shape)}: ${valuesRemedy(target.shape, output)}`,
      'type',
    );
  }
  const classes = target.classes.length;
  if (output.length !== 1 || output[0] !== classes) {
    const remedy = output.length === 1 ? 'end with' : 'end with a flatten layer and';
    throw new ShapeError(
      `${loss} needs the output [${classes}], one number for each of the data's ${classes} classes, got ${formatShape(output)}: ${remedy} a linear layer of outFeatures ${classes}`,
    );
  }
  if (weight !== undefined && weight !== 'balanced' && weight.length !== classes) {
    throw new ShapeError(`${loss}: ${weight.length} weights do not fit the data's ${classes} classes: give one weight per class`, 'weight');
  }
}

/** Returns the reason why the mean over the labels that are not ignored is 0/0, or null if it is not. */
export function noneCounts(
  targets: TargetArray,
  options: { readonly weight?: ClassWeight | undefined; readonly ignoreIndex: number; readonly reduction: string },
): string | null {
  const { ignoreIndex, reduction } = options;
  // Classes of the training data have balanced weights above 0.
  const weight = options.weight === 'balanced' ? undefined : options.weight;
  if (reduction !== 'mean' || !targets.every((label) => label === ignoreIndex || weight?.[label] === 0)) return null;
  if (weight?.every((factor) => factor === 0) === true) return 'the weight of every class is 0: use weights above 0';
  const labels = targets.every((label) => label === ignoreIndex) ? `is the ignoreIndex ${ignoreIndex}` : 'is ignored or has weight 0';
  return `every label of the batch ${labels}, so their mean is 0/0: use a larger batchSize, or reduction "sum"`;
}

/** Checks a loss of log-probabilities. @throws ShapeError if the output can never be negative */
export function checkLogProbabilities(loss: string, { range }: Compared): void {
  if (range.min >= 0) {
    throw new ShapeError(
      `${loss} needs log-probabilities, which are at most 0, but the last layers give values of at least ${range.min}: end with a logSoftmax layer instead`,
    );
  }
}

/** The schema of factors: one factor for all features of an output, or one per feature. */
export const featureFactors = z.union([z.number().min(0), keepingFewProblems(z.array(z.number().min(0)).min(1))]);

/** Checks a list of factors. @throws ShapeError unless it has one factor per feature of the output's last dimension */
export function checkFactors(loss: string, option: string, factors: number | readonly number[] | undefined, { output }: Compared): void {
  const features = output.at(-1) ?? 1;
  if (typeof factors === 'object' && factors.length !== 1 && factors.length !== features) {
    throw new ShapeError(
      `${loss}: ${factors.length} factors do not fit an output of ${features} features: give one factor, or one per feature`,
      option,
    );
  }
}

/**
 * Converts the option `weight` of a loss of classes to a tensor.
 * @throws ArgumentError for `balanced`, because these weights follow from the data. Use the result of withClassWeights
 */
export function classFactors(weight: ClassWeight | undefined): Tensor | undefined {
  if (weight === 'balanced') throw new ArgumentError('the weights "balanced" follow from the training data: give one number per class');
  return tensorOf(weight);
}

/** Returns the argument `weight` of a loss of classes in exported scripts. A script computes balanced weights before, as `classWeights`. */
export function factorsArgument(weight: ClassWeight | undefined): Record<string, TensorValue | Variable> {
  return weight === 'balanced' ? { weight: { variable: 'classWeights' } } : tensors({ weight });
}

/** Converts the value of an option to a tensor. */
export const tensorOf = (list: number | readonly number[] | undefined): Tensor | undefined =>
  list === undefined ? undefined : tensor(list);
