// Activations except relu, which is in elementwise.ts. One kernel computes their values, and another kernel computes their gradients from
// the input. prelu is composed of several kernels.
import { checkNumber } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { ActivationOp } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { show } from '../validation.ts';

function activation(name: string, op: ActivationOp, x: Tensor, a = 0, b = 0): Tensor {
  checkNumber(op, a);
  checkNumber(op, b);
  return record({
    name,
    forward: () => {
      const y = backend().allocate(x.size);
      backend().activation(op, x.values, y, a, b);
      return y;
    },
    shape: x.shape,
    inputs: [x],
    saved: [x],
    backward: (g, _needed, grads, pass) => {
      const dx = pass.overGradient(g);
      backend().activationBackward(op, g, x.values, dx, a, b);
      grads[0] = dx;
      return grads;
    },
  });
}

/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => activation('Sigmoid', 'sigmoid', x);

/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => activation('Tanh', 'tanh', x);

/** x · sigmoid(x), also called swish. */
export const silu = (x: Tensor): Tensor => activation('Silu', 'silu', x);

/** The error function, 2/√π · ∫ e^(−t²) dt from 0 to x (torch.erf). */
export const erf = (x: Tensor): Tensor => activation('Erf', 'erf', x);

/** min(max(x, 0), 6). */
export const relu6 = (x: Tensor): Tensor => activation('Hardtanh', 'relu6', x);

/** x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019). */
export const hardSwish = (x: Tensor): Tensor => activation('Hardswish', 'hardSwish', x);

/** min(max(x + 3, 0), 6) / 6. */
export const hardSigmoid = (x: Tensor): Tensor => activation('Hardsigmoid', 'hardSigmoid', x);

/** x · tanh(log(1 + eˣ)) (Misra 2019). */
export const mish = (x: Tensor): Tensor => activation('Mish', 'mish', x);

/**
 * Returns log(1 + e^(beta·x)) / beta. Where beta·x is above the threshold, returns x. With the default threshold, the two differ by less
 * than the rounding error of float32.
 */
export function softplus(x: Tensor, beta = 1, threshold = 20): Tensor {
  if (!(beta > 0)) throw new ArgumentError(`softplus: beta must be above 0, got ${beta}`);
  return activation('Softplus', 'softplus', x, beta, threshold);
}

/** How gelu computes the normal distribution: exactly, with the error function (`none`), or approximately, with a tanh (`tanh`). */
export type GeluApproximation = 'none' | 'tanh';

/** Returns x · Φ(x). Φ is the cumulative distribution function of the standard normal distribution (Hendrycks and Gimpel 2016). */
export function gelu(x: Tensor, approximate: GeluApproximation = 'none'): Tensor {
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw new ArgumentError(`gelu: approximate is 'none' or 'tanh', got ${show(approximate)}`);
  }
  return activation('Gelu', approximate === 'tanh' ? 'geluTanh' : 'gelu', x);
}

/** Returns x where x is above 0, and negativeSlope · x elsewhere. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => activation('LeakyRelu', 'leakyRelu', x, negativeSlope);

/** Returns x where x is above 0, and alpha · (eˣ − 1) elsewhere (Clevert et al. 2016). */
export const elu = (x: Tensor, alpha = 1): Tensor => activation('Elu', 'elu', x, alpha);

/** Returns min(max(x, min), max). The slope is 1 where min ≤ x ≤ max, and 0 elsewhere. */
export const clamp = (x: Tensor, min = -Infinity, max = Infinity): Tensor => activation('Clamp', 'clamp', x, min, max);

/**
 * Returns x where x is above 0, and weight · x elsewhere (He et al. 2015).
 * @param weight one number, or one for each channel (the second dimension of x)
 * @throws ShapeError if `weight` has more than one dimension, or neither one number nor one for each channel
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const channels = x.rank < 2 ? 1 : x.shape[1];
  if (weight.rank > 1 || (weight.size !== 1 && weight.size !== channels)) {
    throw new ShapeError(`prelu of ${formatShape(x.shape)} takes 1 weight or ${channels}, got a weight ${formatShape(weight.shape)}`);
  }
  // In this shape, the weight broadcasts to x: each number of the weight is used for all elements of its channel.
  const factor: Shape = weight.size === 1 ? [] : [weight.size, ...new Array<number>(x.rank - 2).fill(1)];
  const { shape, size } = x;
  return record({
    name: 'Prelu',
    forward: () => {
      const y = backend().allocate(size);
      const mark = backend().enterArena();
      try {
        const part = backend().allocate(size);
        backend().activation('clamp', x.values, part, -Infinity, 0);
        backend().binary('mul', part, shape, weight.values, factor, y, shape);
        backend().unary('relu', x.values, part);
        backend().addScaled(part, 1, y);
      } finally {
        backend().leaveArena(mark);
      }
      return y;
    },
    shape,
    inputs: [x, weight],
    saved: [x, weight],
    backward: (g, needed, grads, pass) => {
      const part = backend().allocate(size);
      if (needed[1]) {
        backend().activation('clamp', x.values, part, -Infinity, 0);
        backend().binary('mul', part, shape, g, shape, part, shape);
        const dw = pass.gradientStorage(1, weight.size);
        backend().sumTo(part, shape, dw, factor);
        grads[1] = dw;
      }
      if (needed[0]) {
        // dx is g where x is above 0, and weight · g elsewhere. `part` is g where x is above 0, and 0 elsewhere. It is subtracted from g
        // before the multiplication by the weight, and added again after it.
        const dx = pass.overGradient(g);
        if (dx !== g) backend().copy(g, dx);
        backend().reluBackward(g, x.values, part);
        backend().addScaled(part, -1, dx);
        backend().binary('mul', dx, shape, weight.values, factor, dx, shape);
        backend().addScaled(part, 1, dx);
        grads[0] = dx;
      }
      return grads;
    },
  });
}
