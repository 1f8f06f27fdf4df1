// The rules which outputs and targets go together, shared by the losses for values and by those for class labels. Not the
// checks of the functions themselves: these are for job specs, before anything is computed.
import { z } from 'zod';
import type { TargetArray } from '../data/dataset.ts';
import { ShapeError } from '../errors.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import { type Tensor, tensor } from '../tensor.ts';
import type { Compared } from './define.ts';
import { keepingFewProblems } from '../validation.ts';

/** For a loss of values: the target is values of the output's shape. @throws ShapeError. */
export function checkValues(loss: string, { output, target }: Compared): void {
  if (target.kind === 'class') {
    throw new ShapeError(
      `${loss} compares with values, but the data's targets are labels of ${target.classes.length} classes: use the crossEntropy loss`,
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

/** For a loss of classes: the output is one number a class, and so are the weights. @throws ShapeError. */
export function checkClasses(loss: string, { output, target }: Compared, weight?: readonly number[]): void {
  if (target.kind !== 'class') {
    throw new ShapeError(
      `${loss} compares with class labels, but the data's targets are values of shape ${formatShape(target.shape)}: ${valuesRemedy(target.shape, output)}`,
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
  if (weight !== undefined && weight.length !== classes) {
    throw new ShapeError(`${loss}: ${weight.length} weights do not fit the data's ${classes} classes: give one for each`, 'weight');
  }
}

/** Returns why the mean over the counted labels would be 0/0, or null if it is not. */
export function noneCounts(
  targets: TargetArray,
  {
    weight,
    ignoreIndex,
    reduction,
  }: { readonly weight?: readonly number[] | undefined; readonly ignoreIndex: number; readonly reduction: string },
): string | null {
  if (reduction !== 'mean' || !targets.every((label) => label === ignoreIndex || weight?.[label] === 0)) return null;
  if (weight?.every((factor) => factor === 0) === true) return 'the weight of every class is 0: use weights above 0';
  const labels = targets.every((label) => label === ignoreIndex) ? `is the ignoreIndex ${ignoreIndex}` : 'is ignored or has weight 0';
  return `every label of the batch ${labels}, and their mean is 0/0: use a larger batchSize, or reduction "sum"`;
}

/** For a loss of log-probabilities. @throws ShapeError when the output can never be negative. */
export function checkLogProbabilities(loss: string, { range }: Compared): void {
  if (range.min >= 0) {
    throw new ShapeError(
      `${loss} takes log-probabilities, which are at most 0, but the last layers give values from ${range.min} on: end with a logSoftmax layer instead`,
    );
  }
}

/** One factor for all of an output's features, or one for each. */
export const featureFactors = z.union([z.number().min(0), keepingFewProblems(z.array(z.number().min(0)).min(1))]);

/** @throws ShapeError when there is one factor for each of other features than the output's last dimension. */
export function checkFactors(loss: string, option: string, factors: number | readonly number[] | undefined, { output }: Compared): void {
  const features = output.at(-1) ?? 1;
  if (typeof factors === 'object' && factors.length !== 1 && factors.length !== features) {
    throw new ShapeError(
      `${loss}: ${factors.length} factors do not fit an output of ${features} features: give one, or one for each`,
      option,
    );
  }
}

/** An option's list as a tensor. */
export const tensorOf = (list: number | readonly number[] | undefined): Tensor | undefined =>
  list === undefined ? undefined : tensor(list);
