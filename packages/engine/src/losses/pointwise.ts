// Computes the losses that compare each element of an output with the element of a target of the same shape. One loop works with the
// formula of any such loss. It computes in float64 and in a fixed order, so that every backend gives the same bits.
import { noGrad, record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ShapeError } from '../errors.ts';
import { expand } from '../ops/movement.ts';
import { broadcastShapes, formatShape, sameShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkReduction, checkValueTarget, type Reduction, shapeRemedy } from './define.ts';

type ElementFunction = (input: number, target: number, positive: number) => number;

/** The loss of one element and its derivatives. `positive` is the factor of positive targets. It is 1 if the loss has no such option. */
export interface Formula {
  readonly value: ElementFunction;
  readonly inputSlope: ElementFunction;
  readonly targetSlope: ElementFunction;
}

/**
 * Returns the formula of a loss that depends only on the difference of input and target.
 * @param value the loss for the absolute value of the difference
 * @param slope the derivative of the loss by the difference
 */
export function formulaOfDifference(value: (d: number) => number, slope: (d: number) => number): Formula {
  return {
    value: (input, target) => value(Math.abs(input - target)),
    inputSlope: (input, target) => slope(input - target),
    targetSlope: (input, target) => slope(target - input),
  };
}

export interface PointwiseOptions {
  /** Default: 'mean', over all elements and not over samples. */
  readonly reduction?: Reduction;
}

interface Parts {
  /** The function's name in messages: `l1Loss`. */
  readonly name: string;
  /** The name of the node in the graph, as in PyTorch: `L1Loss`. */
  readonly node: string;
  /** 'batchmean': the sum divided by the number of samples. */
  readonly reduction: Reduction | 'batchmean';
  /** The factors of the elements' losses and of positive targets. Both are broadcast to the shape of the input. */
  readonly weight?: Tensor | undefined;
  readonly positive?: Tensor | undefined;
  readonly formula: Formula;
  /** Throws an error for an element of the input that is not allowed. */
  readonly check?: (value: number, index: number) => void;
}

/**
 * Computes a loss from its formula.
 * @param input a tensor of any shape
 * @param target a floating-point tensor of the same shape. PyTorch broadcasts some other shapes with a warning, but this is nearly always a
 *   mistake
 * @returns a scalar. With the reduction 'none', a tensor of the input's shape
 * @throws ShapeError if the shapes of input and target differ or the factors cannot be broadcast
 * @throws ArgumentError if the reduction is unknown
 */
export function pointwiseLoss(input: Tensor, target: Tensor, { name, node, reduction, weight, positive, formula, check }: Parts): Tensor {
  const { shape, size } = input;
  if (!sameShape(shape, target.shape)) {
    throw new ShapeError(
      `${name}: the input ${formatShape(shape)} and the target ${formatShape(target.shape)} must have the same shape: ${shapeRemedy(input, target)}`,
    );
  }
  checkValueTarget(name, target);
  const weights = factors(name, 'weight', weight, shape);
  const positives = factors(name, 'posWeight', positive, shape);
  const single = reduction !== 'none';
  const divisor = reduction === 'mean' ? size : reduction === 'batchmean' ? (shape[0] ?? 1) : 1;

  const forward = (): FloatArray => {
    const [x, t, positive, weight] = [input.values, target.values, positives?.values, weights?.values];
    if (check !== undefined) x.forEach(check);
    const losses = backend().allocate(single ? 1 : size);
    let total = 0;
    for (let i = 0; i < size; i++) {
      const loss = formula.value(x[i], t[i], positive?.[i] ?? 1) * (weight?.[i] ?? 1);
      if (single) total += loss;
      else losses[i] = loss;
    }
    if (single) losses[0] = total / divisor;
    return losses;
  };

  const slopes = (g: FloatArray, slope: ElementFunction): FloatArray => {
    const [x, t, positive, weight] = [input.values, target.values, positives?.values, weights?.values];
    const out = backend().allocate(size);
    const common = single ? g[0] / divisor : 1;
    for (let i = 0; i < size; i++) {
      out[i] = slope(x[i], t[i], positive?.[i] ?? 1) * (weight?.[i] ?? 1) * (single ? common : g[i]);
    }
    return out;
  };
  return record({
    name: node,
    forward,
    shape: single ? [] : shape,
    inputs: [input, target],
    saved: [input, target, weights, positives].filter((operand) => operand !== null),
    backward: (g, needed) => [needed[0] ? slopes(g, formula.inputSlope) : null, needed[1] ? slopes(g, formula.targetSlope) : null],
  });
}

/** Does the same as {@link pointwiseLoss} after checking that the reduction is 'mean', 'sum' or 'none'. */
export function reducedLoss(input: Tensor, target: Tensor, parts: Parts): Tensor {
  checkReduction(parts.name, parts.reduction);
  return pointwiseLoss(input, target, parts);
}

function factors(loss: string, option: string, given: Tensor | undefined, shape: Shape): Tensor | null {
  if (given === undefined) return null;
  if (!sameShape(broadcastShapes(given.shape, shape), shape)) {
    throw new ShapeError(`${loss}: a ${option} of shape ${formatShape(given.shape)} does not fit an input ${formatShape(shape)}`);
  }
  return noGrad(() => expand(given, shape));
}
