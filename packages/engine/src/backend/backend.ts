// The contract between the engine and its backends. A backend owns memory and runs kernels on flat arrays. It does not handle tensors or
// the graph, and gets shapes only where a kernel needs them. Two backends exist: `reference` (plain loops in float32 or float64, which
// tests compare with) and `wasm` (SIMD; the default). Every kernel writes its whole output array and keeps no reference to an argument. A
// kernel reads its output array only if the kernel's comment says so.
import type { Shape } from '../shape.ts';
import type { FusedKernels } from './fusedKernels.ts';
import type { LayerKernels } from './layerKernels.ts';
import type { MovementKernels } from './movementKernels.ts';
import type { OptimizerKernels } from './optimizerKernels.ts';
import type { BinaryOp, ConvGeometry, FloatArray, MatmulGeometry, PoolGeometry, UnaryOp } from './types.ts';

export type * from './types.ts';

/**
 * Memory. `allocate` gives storage whose contents are undefined. Storage that is allocated between `enterArena` and `leaveArena` belongs to
 * the arena and lives until the arena is left. Other storage lives until JavaScript collects the array. `allocatePersistent` is for arrays
 * that are needed in later steps (parameters, gradients, optimizer state). Its storage is filled with zeros and is freed when JavaScript
 * collects the array.
 */
export interface BackendMemory {
  allocate(length: number): FloatArray;
  allocatePersistent(length: number): FloatArray;
  allocateIndices(length: number): Int32Array;
  /** Opens an arena and returns its mark; arenas nest. */
  enterArena(): number;
  /** Frees all arena storage that was allocated since `enterArena` returned this mark. */
  leaveArena(mark: number): void;
  /** Begins an operation of a backward pass. From now on, storage allocated in the open arena belongs to this operation. */
  beginOperation(): void;
  /** Ends the operation. Later operations may use its storage again, except the storage of `results`. */
  endOperation(results: readonly (FloatArray | null)[]): void;
  /** Returns whether the array can be recycled: it is a result of an operation, and no other array shares its block of memory. */
  isResult(array: FloatArray): boolean;
  /** Frees the memory of a result that nobody will read again, before the arena is left. */
  recycle(array: FloatArray): void;
  /**
   * Frees the memory of an array that nobody will read again, if the array belongs to an open arena; otherwise does nothing. Call it
   * between two operations of a backward pass: later operations may then use this memory.
   */
  release(array: FloatArray | Int32Array): void;
  /** Returns how many bytes arenas and persistent memory use together: now (`bytes`), and at most so far (`peakBytes`). */
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
  /** Computes relu's gradient dx from the result's gradient g: 0 where x ≤ 0, and g elsewhere (also where x is NaN). `dx` may be `g`. */
  reluBackward(g: FloatArray, x: FloatArray, dx: FloatArray): void;

  /** Sums x over the dimensions that are missing in outShape or have the size 1 there. This computes the gradient of broadcastTo. */
  sumTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void;
  /** Repeats x to fill outShape. This computes the gradient of sumTo. */
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

/** Kernels that find a maximum: max pooling and log-softmax. */
export interface MaximumKernels {
  /** `indices`: the position of each maximum in its input plane. Of equal values the first one is taken; a NaN counts as the largest. */
  maxPool2d(x: FloatArray, out: FloatArray, indices: Int32Array, geometry: PoolGeometry): void;
  maxPool2dBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, geometry: PoolGeometry): void;

  /** Computes the log-softmax over the dimension `size` of an array of the shape [outer, size, inner]. */
  logSoftmax(x: FloatArray, out: FloatArray, outer: number, size: number, inner: number): void;
  /** Computes dx = g − exp(y) · Σ g, where y is the output of logSoftmax. */
  logSoftmaxBackward(g: FloatArray, y: FloatArray, dx: FloatArray, outer: number, size: number, inner: number): void;
}

/** The members that every backend must have. */
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
  /** The engine version that is stored with results of this backend. */
  readonly engineVersion: string;
}

/** The members that a backend implements itself. Fused kernels are optional: `completed` (composed.ts) adds the missing ones. */
export type BackendParts = RequiredKernels & Partial<FusedKernels>;

/** A complete backend, as the engine uses it. */
export interface Backend extends RequiredKernels, FusedKernels {}
