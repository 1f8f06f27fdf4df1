// The contract between the engine and what computes: a backend owns memory and runs kernels on flat
// arrays. It knows no tensors, no graph and no shapes beyond what a kernel needs. Two exist: `reference`
// (plain loops, float32 or float64: the oracle) and `wasm` (SIMD; the default). Every kernel writes all
// of its output, reads nothing from it unless its comment says so, and never keeps an argument.
import type { Shape } from '../shape.ts';
import type { FusedKernels } from './fusedKernels.ts';
import type { LayerKernels } from './layerKernels.ts';
import type { MovementKernels } from './movementKernels.ts';
import type { OptimizerKernels } from './optimizerKernels.ts';

export type FloatArray = Float32Array | Float64Array;

export const unaryOps = ['neg', 'exp', 'log', 'sqrt', 'square', 'abs', 'relu'] as const;
/** Element-wise functions of one operand. */
export type UnaryOp = (typeof unaryOps)[number];

export const binaryOps = ['add', 'sub', 'mul', 'div', 'pow', 'maximum'] as const;
/** Element-wise functions of two operands. */
export type BinaryOp = (typeof binaryOps)[number];

/** Sizes of a 2-D convolution in NCHW. Weight: [outChannels, inChannels/groups, kernelHeight, kernelWidth]. */
export interface ConvGeometry {
  readonly batch: number;
  readonly inChannels: number;
  readonly height: number;
  readonly width: number;
  readonly outChannels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  /** Zeros before the first row and column; those after follow from the output's size. */
  readonly padTop: number;
  readonly padLeft: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly groups: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** Sizes of a 2-D pooling over `planes` = batch × channels maps. */
export interface PoolGeometry {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** out[b] = A[b] · B[b], A: m×k (k×m in memory if transposeA), B: k×n (n×k if transposeB); all row-major and dense. */
export interface MatmulGeometry {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Elements from one matrix of A to the next; 0 repeats the same matrix for the whole batch. */
  readonly batchStrideA: number;
  readonly batchStrideB: number;
}

/**
 * Memory. `allocate` gives storage whose contents are undefined: inside an arena (between `enterArena` and
 * `leaveArena`) it lives until the arena is left, otherwise until JavaScript collects it. `allocatePersistent`
 * is for what outlives steps (parameters, gradients, optimizer state): zero-filled, collected with its array.
 */
export interface BackendMemory {
  allocate(length: number): FloatArray;
  allocatePersistent(length: number): FloatArray;
  allocateIndices(length: number): Int32Array;
  /** Opens an arena and returns its mark; arenas nest. */
  enterArena(): number;
  /** Gives back all that was allocated since the mark was taken. */
  leaveArena(mark: number): void;
  /** What is allocated in the open arena from here on belongs to one operation of a backward pass. */
  beginOperation(): void;
  /** Ends that: what was allocated may be given out again, but for the operation's results. */
  endOperation(results: readonly (FloatArray | null)[]): void;
  /** Whether the array is such a result, whole and nothing else's, so that it can be recycled. */
  isResult(array: FloatArray): boolean;
  /** Says that nobody will read a result again: its room may be given out before the arena is left. */
  recycle(array: FloatArray): void;
  /**
   * Says that nobody will read an array of the open arenas again: between two operations of a backward pass, whose later operations
   * may take its room. Does nothing for other arrays.
   */
  release(array: FloatArray | Int32Array): void;
  /** Bytes in use now and at most so far, arena and persistent memory together. */
  memoryUse(): { readonly bytes: number; readonly peakBytes: number };
}

export interface Backend extends BackendMemory, FusedKernels, LayerKernels, MovementKernels, OptimizerKernels {
  readonly name: 'reference' | 'wasm';
  readonly dtype: 'float32' | 'float64';
  /** The engine's version as results carry it that were computed here. */
  readonly engineVersion: string;

  fill(out: FloatArray, value: number): void;
  copy(x: FloatArray, out: FloatArray): void;

  /** `out` may be `x`. */
  unary(op: UnaryOp, x: FloatArray, out: FloatArray): void;
  /** out = a op b with NumPy broadcasting of aShape and bShape to outShape. `out` may be `a` when the shapes are equal. */
  binary(op: BinaryOp, a: FloatArray, aShape: Shape, b: FloatArray, bShape: Shape, out: FloatArray, outShape: Shape): void;
  /** out = a op scalar. `out` may be `a`. */
  binaryScalar(op: BinaryOp, a: FloatArray, scalar: number, out: FloatArray): void;
  /** out += alpha · x, the same length. */
  addScaled(x: FloatArray, alpha: number, out: FloatArray): void;
  /** dx = 0 where x ≤ 0, else g; so g passes where x is NaN. `dx` may be `g`. */
  reluBackward(g: FloatArray, x: FloatArray, dx: FloatArray): void;

  /** Sums x over the dimensions that outShape lacks or has as 1 (the adjoint of broadcasting). */
  sumTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void;
  /** Repeats x over outShape (the adjoint of sumTo). */
  broadcastTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void;
  /** out[i…] = x with its dimensions in the order of `axes`: out.shape[d] = shape[axes[d]]. */
  permute(x: FloatArray, shape: Shape, axes: readonly number[], out: FloatArray): void;

  matmul(a: FloatArray, b: FloatArray, out: FloatArray, geometry: MatmulGeometry): void;
  /** out[n×outFeatures] = x[n×inFeatures] · weightᵀ + bias; weight: [outFeatures, inFeatures]. */
  linear(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void;

  conv2d(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void;
  conv2dBackwardInput(g: FloatArray, weight: FloatArray, dx: FloatArray, geometry: ConvGeometry): void;
  conv2dBackwardWeight(g: FloatArray, x: FloatArray, dw: FloatArray, geometry: ConvGeometry): void;

  /** `indices`: position of each maximum inside its input plane; the first one on ties, a NaN wins. */
  maxPool2d(x: FloatArray, out: FloatArray, indices: Int32Array, geometry: PoolGeometry): void;
  maxPool2dBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, geometry: PoolGeometry): void;

  /** Log-softmax over `size` of an array seen as [outer, size, inner]. */
  logSoftmax(x: FloatArray, out: FloatArray, outer: number, size: number, inner: number): void;
  /** dx = g − exp(y) · Σ g, y being logSoftmax's output. */
  logSoftmaxBackward(g: FloatArray, y: FloatArray, dx: FloatArray, outer: number, size: number, inner: number): void;

  /** Σ x², accumulated in float64. */
  sumOfSquares(x: FloatArray): number;
}
