// Arithmetic by elements, broadcasting and sums as plain loops. Sums are in float64.
import { exp, log, pow } from '../../math.ts';
import { broadcastStrides, stridesOf } from '../../shape.ts';
import type { ElementwiseKernels } from '../backend.ts';
import type { BinaryOp, UnaryOp } from '../types.ts';
import { offsetsOf } from './offsets.ts';

const unaryFunctions: Record<UnaryOp, (x: number) => number> = {
  neg: (x) => -x,
  exp,
  log,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  abs: Math.abs,
  relu: (x) => (x <= 0 ? 0 : x),
};

const binaryFunctions: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
};

export const elementwise: ElementwiseKernels = {
  fill(out, value) {
    out.fill(value);
  },

  copy(x, out) {
    out.set(x);
  },

  unary(op, x, out) {
    const f = unaryFunctions[op];
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]);
  },

  binary(op, a, aShape, b, bShape, out, outShape) {
    const f = binaryFunctions[op];
    const inA = offsetsOf(outShape, broadcastStrides(aShape, outShape));
    const inB = offsetsOf(outShape, broadcastStrides(bShape, outShape));
    for (let i = 0; i < out.length; i++) out[i] = f(a[inA[i]], b[inB[i]]);
  },

  binaryScalar(op, a, scalar, out) {
    const f = binaryFunctions[op];
    for (let i = 0; i < out.length; i++) out[i] = f(a[i], scalar);
  },

  addScaled(x, alpha, out) {
    for (let i = 0; i < out.length; i++) out[i] += alpha * x[i];
  },

  reluBackward(g, x, dx) {
    for (let i = 0; i < dx.length; i++) dx[i] = x[i] <= 0 ? 0 : g[i];
  },

  sumTo(x, xShape, out, outShape) {
    const inOut = offsetsOf(xShape, broadcastStrides(outShape, xShape));
    const sums = new Float64Array(out.length);
    for (let i = 0; i < x.length; i++) sums[inOut[i]] += x[i];
    out.set(sums);
  },

  broadcastTo(x, xShape, out, outShape) {
    const inX = offsetsOf(outShape, broadcastStrides(xShape, outShape));
    for (let i = 0; i < out.length; i++) out[i] = x[inX[i]];
  },

  permute(x, shape, axes, out) {
    const strides = stridesOf(shape);
    const outShape = axes.map((axis) => shape[axis]);
    const outStrides = axes.map((axis) => strides[axis]);
    const inX = offsetsOf(outShape, outStrides);
    for (let i = 0; i < out.length; i++) out[i] = x[inX[i]];
  },

  sumOfSquares(x) {
    let sum = 0;
    for (const value of x) sum += value * value;
    return sum;
  },
};
