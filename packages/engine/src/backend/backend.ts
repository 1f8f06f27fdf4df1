// The contract between the engine and what computes. A backend owns memory and runs kernels on flat arrays. It knows no tensors, no
// graph, and no shapes except those that a kernel needs. Two backends exist: `reference` (plain loops in float32 or float64, which tests
// compare with) and `wasm` (SIMD; the default). Every kernel writes all of its output. It does not read its output unless its comment
// says so, and it never keeps an argument.
import type { Shape } from '../shape.ts';
import type { FusedKernels } from './fusedKernels.ts';
import type { LayerKernels } from './layerKernels.ts';
import type { MovementKernels } from './movementKernels.ts';
import type { OptimizerKernels } from './optimizerKernels.ts';
import type { BinaryOp, ConvGeometry, FloatArray, MatmulGeometry, PoolGeometry, UnaryOp } from './types.ts';

export type * from './types.ts';

/**
 * Memory. `allocate` gives storage whose contents are undefined. Storage of an arena (between `enterArena` and `leaveArena`) lives until
 * the arena is left; other storage lives until JavaScript collects it. `allocatePersistent` is for what outlives steps (parameters,
 * gradients, optimizer state): its storage is filled with zeros and is collected with its array.
 */
export interface BackendMemory {
  allocate(length: number): FloatArray;
  allocatePersistent(length: number): FloatArray;
  allocateIndices(length: number): Int32Array;
  /** Opens an arena and returns its mark; arenas nest. */
  enterArena(): number;
  /** Frees all that was allocated since the mark was taken. */
  leaveArena(mark: number): void;
  /** Begins an operation of a backward pass: what is allocated in the open arena from here on belongs to it. */
  beginOperation(): void;
  /** Ends the operation. Its memory, except that of its results, may be allocated again. */
  endOperation(results: readonly (FloatArray | null)[]): void;
  /** Returns whether the array is a result of an operation and has its block of memory for itself, so that it can be recycled. */
  isResult(array: FloatArray): boolean;
  /** Says that nobody will read a result again: its memory may be allocated again before the arena is left. */
  recycle(array: FloatArray): void;
  /**
   * Says that nobody will read an array of the open arenas again. Call it between two operations of a backward pass: later operations may
   * then use its memory. Does nothing for other arrays.
   */
  release(array: FloatArray | Int32Array): void;
  /** Returns the bytes in use now, and the most that were in use so far, of arenas and persistent memory together. */
  memoryUse(): { readonly bytes: number; readonly peakBytes: number };
}

/** Arithmetic by elements, with broadcasting and sums. */
export interface ElementwiseKernels {
  fill(out: FloatArray, value: number): void;
  copy(x: FloatArray, out: FloatArray): void;

  /** Computes out = op(x). `out` may be `x`. */
  unary(op: UnaryOp, x: FloatArray, out: FloatArray): void;
  /** Computes out = a op b. Broadcasts aShape and bShape to outShape as NumPy does. `out` may be `a` when the shapes are equal. */
  binary(op: BinaryOp, a: FloatArray, aShape: Shape, b: FloatArray, bShape: Shape, out: FloatArray, outShape: Shape): void;
  /** Computes out = a op scalar. `out` may be `a`. */
  binaryScalar(op: BinaryOp, a: FloatArray, scalar: number, out: FloatArray): void;
  /** Computes out += alpha · x; both have the same length. */
  addScaled(x: FloatArray, alpha: number, out: FloatArray): void;
  /** Computes dx = 0 where x ≤ 0, and g elsewhere, also where x is NaN. `dx` may be `g`. */
  reluBackward(g: FloatArray, x: FloatArray, dx: FloatArray): void;

  /** Sums x over the dimensions that outShape does not have or has as 1. This is the gradient of broadcasting. */
  sumTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void;
  /** Repeats x over outShape. This is the gradient of sumTo. */
  broadcastTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void;
  /** Copies x with its dimensions in the order of `axes`: out.shape[d] = shape[axes[d]]. */
  permute(x: FloatArray, shape: Shape, axes: readonly number[], out: FloatArray): void;

  /** Returns Σ x², summed in float64. */
  sumOfSquares(x: FloatArray): number;
}

/** Matrix products and linear layers. */
export interface ProductKernels {
  matmul(a: FloatArray, b: FloatArray, out: FloatArray, geometry: MatmulGeometry): void;
  /** Computes out[n×outFeatures] = x[n×inFeatures] · weightᵀ + bias; weight: [outFeatures, inFeatures]. */
  linear(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void;
}

export interface ConvolutionKernels {
  conv2d(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void;
  conv2dBackwardInput(g: FloatArray, weight: FloatArray, dx: FloatArray, geometry: ConvGeometry): void;
  conv2dBackwardWeight(g: FloatArray, x: FloatArray, dw: FloatArray, geometry: ConvGeometry): void;
}

/** Max pooling and log-softmax, which look for a maximum. */
export interface MaximumKernels {
  /** `indices`: the position of each maximum in its input plane. Of equal values the first one is taken; a NaN counts as the largest. */
  maxPool2d(x: FloatArray, out: FloatArray, indices: Int32Array, geometry: PoolGeometry): void;
  maxPool2dBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, geometry: PoolGeometry): void;

  /** Computes the log-softmax over `size` of an array seen as [outer, size, inner]. */
  logSoftmax(x: FloatArray, out: FloatArray, outer: number, size: number, inner: number): void;
  /** Computes dx = g − exp(y) · Σ g, where y is the output of logSoftmax. */
  logSoftmaxBackward(g: FloatArray, y: FloatArray, dx: FloatArray, outer: number, size: number, inner: number): void;
}

/** What every backend has to have. */
export interface RequiredKernels
  extends BackendMemory,
    ElementwiseKernels,
    LayerKernels,
    MovementKernels,
    OptimizerKernels,
    ProductKernels,
    ConvolutionKernels,
    MaximumKernels {
  readonly name: 'reference' | 'wasm';
  readonly dtype: 'float32' | 'float64';
  /** The engine's version that results of this backend carry. */
  readonly engineVersion: string;
}

/** What a backend's author writes. Fused kernels are optional: `completed` (composed.ts) adds those that are missing. */
export type BackendParts = RequiredKernels & Partial<FusedKernels>;

/** What the engine computes with. */
export interface Backend extends RequiredKernels, FusedKernels {}
