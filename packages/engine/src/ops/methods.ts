// The operations as methods of Tensor, with PyTorch's names in camelCase. This file only defines names and calling conventions. The
// arithmetic and its documentation are in the files of the operations.
import { type BackwardOptions, runBackward } from '../autograd.ts';
import { formatTensor } from '../print.ts';
import type { Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { abs, add, div, exp, log, mul, neg, type Operand, pow, relu, sqrt, square, sub } from './elementwise.ts';
import { add_, copy_, fill_, mul_, sub_, zero_ } from './inplace.ts';
import { matmul, mm } from './matmul.ts';
import { clone, expand, flatten, permute, reshape, t, transpose } from './movement.ts';
import { type Dims, mean, sum } from './reduce.ts';
import { logSoftmax } from './softmax.ts';

/** Sizes or dimensions as separate arguments or as one list: `x.reshape(2, 3)` or `x.reshape([2, 3])`. */
export type Sizes = readonly number[] | readonly [Shape];

const listOf = (sizes: Sizes): Shape => (typeof sizes[0] === 'object' ? sizes[0] : (sizes as readonly number[]));

type RetainOptions = Omit<BackwardOptions, 'gradient'>;

/** The methods that this file adds to Tensor. */
export interface TensorMethods {
  add(other: Operand): Tensor;
  sub(other: Operand): Tensor;
  mul(other: Operand): Tensor;
  div(other: Operand): Tensor;
  pow(exponent: number): Tensor;
  neg(): Tensor;
  exp(): Tensor;
  log(): Tensor;
  sqrt(): Tensor;
  square(): Tensor;
  abs(): Tensor;
  relu(): Tensor;
  sum(dim?: Dims, keepdim?: boolean): Tensor;
  mean(dim?: Dims, keepdim?: boolean): Tensor;
  reshape(...shape: Sizes): Tensor;
  /** The same as reshape(). Storage is always dense, so a view is always possible. */
  view(...shape: Sizes): Tensor;
  flatten(startDim?: number, endDim?: number): Tensor;
  permute(...dims: Sizes): Tensor;
  transpose(dim0: number, dim1: number): Tensor;
  t(): Tensor;
  expand(...shape: Sizes): Tensor;
  /** The same as expand(). */
  broadcastTo(...shape: Sizes): Tensor;
  clone(): Tensor;
  matmul(other: Tensor): Tensor;
  mm(other: Tensor): Tensor;
  logSoftmax(dim: number): Tensor;
  add_(other: Operand): this;
  sub_(other: Operand): this;
  mul_(other: Operand): this;
  zero_(): this;
  fill_(value: number): this;
  copy_(source: Tensor): this;
  /**
   * Adds d(this)/d(leaf) to `grad` of every leaf that requires gradients. Throws the same errors as `runBackward`.
   * @param gradient dLoss/dthis, in the shape of this tensor. It can be omitted for a tensor of one element; the options may then be the
   * first argument.
   */
  backward(gradient?: Tensor | RetainOptions, options?: RetainOptions): void;
  /** Returns the text that PyTorch prints for such a tensor. */
  toString(): string;
}

declare module '../tensor.ts' {
  interface Tensor extends TensorMethods {}
}

const methods: TensorMethods & ThisType<Tensor> = {
  add(other) {
    return add(this, other);
  },
  sub(other) {
    return sub(this, other);
  },
  mul(other) {
    return mul(this, other);
  },
  div(other) {
    return div(this, other);
  },
  pow(exponent) {
    return pow(this, exponent);
  },
  neg() {
    return neg(this);
  },
  exp() {
    return exp(this);
  },
  log() {
    return log(this);
  },
  sqrt() {
    return sqrt(this);
  },
  square() {
    return square(this);
  },
  abs() {
    return abs(this);
  },
  relu() {
    return relu(this);
  },
  sum(dim, keepdim) {
    return sum(this, dim, keepdim);
  },
  mean(dim, keepdim) {
    return mean(this, dim, keepdim);
  },
  reshape(...shape) {
    return reshape(this, listOf(shape));
  },
  view(...shape) {
    return reshape(this, listOf(shape));
  },
  flatten(startDim, endDim) {
    return flatten(this, startDim, endDim);
  },
  permute(...dims) {
    return permute(this, listOf(dims));
  },
  transpose(dim0, dim1) {
    return transpose(this, dim0, dim1);
  },
  t() {
    return t(this);
  },
  expand(...shape) {
    return expand(this, listOf(shape));
  },
  broadcastTo(...shape) {
    return expand(this, listOf(shape));
  },
  clone() {
    return clone(this);
  },
  matmul(other) {
    return matmul(this, other);
  },
  mm(other) {
    return mm(this, other);
  },
  logSoftmax(dim) {
    return logSoftmax(this, dim);
  },
  add_(other) {
    return add_(this, other);
  },
  sub_(other) {
    return sub_(this, other);
  },
  mul_(other) {
    return mul_(this, other);
  },
  zero_() {
    return zero_(this);
  },
  fill_(value) {
    return fill_(this, value);
  },
  copy_(source) {
    return copy_(this, source);
  },
  backward(gradient, options) {
    runBackward(this, gradient instanceof Tensor ? { ...options, gradient } : { ...gradient, ...options });
  },
  toString() {
    return formatTensor(this);
  },
};

// The methods are not enumerable, like the methods of a class.
const define = (name: PropertyKey, value: unknown): void => {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
};
for (const [name, method] of Object.entries(methods)) define(name, method);
// console.log of Node prints the result of this function.
define(Symbol.for('nodejs.util.inspect.custom'), function inspect(this: Tensor) {
  return this.toString();
});
