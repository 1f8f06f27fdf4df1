// Element-wise arithmetic with NumPy broadcasting. The backward function of each operation is next to its forward function.
import { checkNumber } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { BinaryOp, FloatArray, UnaryOp } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import { broadcastShapes, sameShape, type Shape, sizeOf } from '../shape.ts';
import { full, Tensor } from '../tensor.ts';
import { show } from '../validation.ts';

/** A tensor, or a number, which stands for a scalar tensor. */
export type Operand = Tensor | number;

function asTensor(operand: Operand): Tensor {
  if (typeof operand === 'number') return full([], operand);
  if (operand instanceof Tensor) return operand;
  throw new ArgumentError(`an operand must be a tensor or a number, got ${show(operand)}`);
}

function unary(op: UnaryOp, x: FloatArray): FloatArray {
  const out = backend().allocate(x.length);
  backend().unary(op, x, out);
  return out;
}

function scale(x: FloatArray, factor: number): FloatArray {
  const out = backend().allocate(x.length);
  backend().binaryScalar('mul', x, factor, out);
  return out;
}

/** Computes a op b with broadcasting. The operands are flat arrays with their shapes. */
function combine(op: BinaryOp, a: FloatArray, aShape: Shape, b: FloatArray, bShape: Shape): FloatArray {
  const shape = broadcastShapes(aShape, bShape);
  const out = backend().allocate(sizeOf(shape));
  backend().binary(op, a, aShape, b, bShape, out, shape);
  return out;
}

/** Returns the gradient of an operand that was broadcast: `grad` summed to the operand's own shape. */
function unbroadcast(grad: FloatArray, shape: Shape, target: Shape): FloatArray {
  if (sameShape(shape, target)) return grad;
  const out = backend().allocate(sizeOf(target));
  backend().sumTo(grad, shape, out, target);
  return out;
}

/** Returns a + b. */
export function add(left: Operand, right: Operand): Tensor {
  const [a, b] = [asTensor(left), asTensor(right)];
  const shape = broadcastShapes(a.shape, b.shape);
  return record({
    name: 'Add',
    forward: () => combine('add', a.values, a.shape, b.values, b.shape),
    shape,
    inputs: [a, b],
    backward: (g, needed, grads) => {
      if (needed[0]) grads[0] = unbroadcast(g, shape, a.shape);
      if (needed[1]) grads[1] = unbroadcast(g, shape, b.shape);
      return grads;
    },
  });
}

/** Returns a − b. */
export function sub(left: Operand, right: Operand): Tensor {
  const [a, b] = [asTensor(left), asTensor(right)];
  const shape = broadcastShapes(a.shape, b.shape);
  return record({
    name: 'Sub',
    forward: () => combine('sub', a.values, a.shape, b.values, b.shape),
    shape,
    inputs: [a, b],
    backward: (g, needed) => [
      needed[0] ? unbroadcast(g, shape, a.shape) : null,
      needed[1] ? unbroadcast(unary('neg', g), shape, b.shape) : null,
    ],
  });
}

/** Returns a · b, element by element. */
export function mul(left: Operand, right: Operand): Tensor {
  const [a, b] = [asTensor(left), asTensor(right)];
  const shape = broadcastShapes(a.shape, b.shape);
  return record({
    name: 'Mul',
    forward: () => combine('mul', a.values, a.shape, b.values, b.shape),
    shape,
    inputs: [a, b],
    saved: [a, b],
    backward: (g, needed) => [
      needed[0] ? unbroadcast(combine('mul', g, shape, b.values, b.shape), shape, a.shape) : null,
      needed[1] ? unbroadcast(combine('mul', g, shape, a.values, a.shape), shape, b.shape) : null,
    ],
  });
}

/** Returns a / b. */
export function div(left: Operand, right: Operand): Tensor {
  const [a, b] = [asTensor(left), asTensor(right)];
  const shape = broadcastShapes(a.shape, b.shape);
  let quotient: FloatArray;
  return record({
    name: 'Div',
    forward: () => (quotient = combine('div', a.values, a.shape, b.values, b.shape)),
    shape,
    inputs: [a, b],
    saved: [b],
    savesResult: true,
    backward: (g, needed) => {
      const perA = combine('div', g, shape, b.values, b.shape);
      return [
        needed[0] ? unbroadcast(perA, shape, a.shape) : null,
        needed[1] ? unbroadcast(unary('neg', combine('mul', perA, shape, quotient, shape)), shape, b.shape) : null,
      ];
    },
  });
}

/** Returns x^exponent, element by element. */
export function pow(x: Tensor, exponent: number): Tensor {
  checkNumber('pow', exponent);
  return record({
    name: 'Pow',
    forward: () => {
      const y = backend().allocate(x.size);
      backend().binaryScalar('pow', x.values, exponent, y);
      return y;
    },
    shape: x.shape,
    inputs: [x],
    saved: [x],
    backward: (g) => {
      const slope = backend().allocate(x.size);
      // x⁰ has the slope 0 everywhere. The formula below would give NaN at x = 0.
      if (exponent === 0) backend().fill(slope, 0);
      else backend().binaryScalar('pow', x.values, exponent - 1, slope);
      return [combine('mul', scale(slope, exponent), x.shape, g, x.shape)];
    },
  });
}

/** Returns −x. */
export function neg(x: Tensor): Tensor {
  return record({ name: 'Neg', forward: () => unary('neg', x.values), shape: x.shape, inputs: [x], backward: (g) => [unary('neg', g)] });
}

/** Returns eˣ. */
export function exp(x: Tensor): Tensor {
  let y: FloatArray;
  return record({
    name: 'Exp',
    forward: () => (y = unary('exp', x.values)),
    shape: x.shape,
    inputs: [x],
    savesResult: true,
    backward: (g) => [combine('mul', g, x.shape, y, x.shape)],
  });
}

/** Returns the natural logarithm. */
export function log(x: Tensor): Tensor {
  return record({
    name: 'Log',
    forward: () => unary('log', x.values),
    shape: x.shape,
    inputs: [x],
    saved: [x],
    backward: (g) => [combine('div', g, x.shape, x.values, x.shape)],
  });
}

/** Returns the square root. */
export function sqrt(x: Tensor): Tensor {
  let y: FloatArray;
  return record({
    name: 'Sqrt',
    forward: () => (y = unary('sqrt', x.values)),
    shape: x.shape,
    inputs: [x],
    savesResult: true,
    backward: (g) => [combine('div', scale(g, 0.5), x.shape, y, x.shape)],
  });
}

/** Returns max(x, 0). As in PyTorch, a NaN stays a NaN. */
export function relu(x: Tensor): Tensor {
  let y: FloatArray;
  return record({
    name: 'Relu',
    forward: () => (y = unary('relu', x.values)),
    shape: x.shape,
    inputs: [x],
    savesResult: true,
    backward: (g, _needed, grads, pass) => {
      const dx = pass.overGradient(g);
      backend().reluBackward(g, y, dx);
      grads[0] = dx;
      return grads;
    },
  });
}

/** Returns x². */
export function square(x: Tensor): Tensor {
  return record({
    name: 'Pow',
    forward: () => unary('square', x.values),
    shape: x.shape,
    inputs: [x],
    saved: [x],
    backward: (g) => [combine('mul', scale(g, 2), x.shape, x.values, x.shape)],
  });
}

/** Returns |x|. As in PyTorch, its slope at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return record({
    name: 'Abs',
    forward: () => unary('abs', x.values),
    shape: x.shape,
    inputs: [x],
    saved: [x],
    backward: (g) => {
      const rising = backend().allocate(x.size);
      backend().reluBackward(g, x.values, rising);
      const falling = backend().allocate(x.size);
      backend().reluBackward(g, unary('neg', x.values), falling);
      return [combine('sub', rising, x.shape, falling, x.shape)];
    },
  });
}

/**
 * Returns the larger of a and b, element by element. A NaN counts as the largest. Where a and b are equal, each gets half of the gradient.
 */
export function maximum(a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShapes(a.shape, b.shape);
  /**
   * Returns the gradient for `winner`: all of g where `winner` is larger than `other`, half of g where they are equal or one is NaN, and 0
   * where it is smaller.
   */
  const share = (g: FloatArray, winner: Tensor, other: Tensor): FloatArray => {
    const lead = combine('sub', winner.values, winner.shape, other.values, other.shape);
    const [won, lost] = [backend().allocate(g.length), backend().allocate(g.length)];
    backend().reluBackward(g, lead, won);
    backend().reluBackward(g, unary('neg', lead), lost);
    backend().addScaled(lost, -1, won);
    backend().addScaled(g, 1, won);
    return unbroadcast(scale(won, 0.5), shape, winner.shape);
  };
  return record({
    name: 'Maximum',
    forward: () => combine('maximum', a.values, a.shape, b.values, b.shape),
    shape,
    inputs: [a, b],
    saved: [a, b],
    backward: (g, needed) => [needed[0] ? share(g, a, b) : null, needed[1] ? share(g, b, a) : null],
  });
}

/** Returns the smaller of a and b, element by element. NaN and equal values are treated as in {@link maximum}. */
export const minimum = (a: Tensor, b: Tensor): Tensor => neg(maximum(neg(a), neg(b)));

/** Returns 1 / x. */
export const reciprocal = (x: Tensor): Tensor => div(1, x);
