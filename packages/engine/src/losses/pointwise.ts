// The losses that compare an output with a target of its shape, element by element: one loop over any formula, in float64
// and in one fixed order, so that every backend gives the same bits. It knows no formula; each loss brings its own.
import { noGrad, record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ShapeError } from '../errors.ts';
import { expand } from '../ops/movement.ts';
import { broadcastShapes, formatShape, sameShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkReduction, checkValueTarget, type Reduction, shapeRemedy } from './define.ts';

type ElementFunction = (input: number, target: number, positive: number) => number;

/** The loss of one element and its derivatives. `positive` is the factor of positive targets; 1 unless a loss takes one. */
export interface Formula {
  readonly value: ElementFunction;
  readonly inputSlope: ElementFunction;
  readonly targetSlope: ElementFunction;
}

export interface PointwiseOptions {
  /** Default 'mean': over all elements, not over samples. */
  readonly reduction?: Reduction;
}

interface Parts {
  /** For messages: `l1Loss`. */
  readonly name: string;
  /** As PyTorch names the node: `L1Loss`. */
  readonly node: string;
  /** 'batchmean' is the sum over the number of samples. */
  readonly reduction: Reduction | 'batchmean';
  /** Factors of the elements' losses and of positive targets; they broadcast to the input. */
  readonly weight?: Tensor | undefined;
  readonly positive?: Tensor | undefined;
  readonly formula: Formula;
  /** Refuses elements of the input. */
  readonly check?: (value: number, index: number) => void;
}

/**
 * @param input any shape; @param target the same shape, floating-point: PyTorch broadcasts some of these with a warning,
 *   which is nearly always a mistake.
 * @returns a scalar, or the input's shape with reduction 'none'.
 * @throws ShapeError when the shapes differ or factors do not broadcast, ArgumentError for an unknown reduction.
 */
export function pointwiseLoss(input: Tensor, target: Tensor, { name, node, reduction, weight, positive, formula, check }: Parts): Tensor {
  const { shape, size } = input;
  if (!sameShape(shape, target.shape)) {
    throw new ShapeError(
      `${name}: the input ${formatShape(shape)} and the target ${formatShape(target.shape)} must have one shape: ${shapeRemedy(input, target)}`,
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

/** Checks the usual reductions first. */
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
