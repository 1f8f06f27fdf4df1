// The types of the arrays and sizes that kernels get. The names of operations and of sizes are in definitions.ts.
import type { binaryOps, convSizes, poolSizes, unaryOps } from './definitions.ts';

export type { ActivationOp } from './activations.ts';

export type FloatArray = Float32Array | Float64Array;

/** Element-wise functions of one operand. */
export type UnaryOp = (typeof unaryOps)[number];

/** Element-wise functions of two operands. */
export type BinaryOp = (typeof binaryOps)[number];

/** Sizes of a 2-D convolution, see `convSizes`. */
export type ConvGeometry = { readonly [size in (typeof convSizes)[number]]: number };

/** Sizes of a 2-D pooling, see `poolSizes`. */
export type PoolGeometry = { readonly [size in (typeof poolSizes)[number]]: number };

/**
 * out[b] = A[b] · B[b]. A is m×k (in memory k×m if `transposeA`), B is k×n (in memory n×k if `transposeB`); all are row-major and dense.
 */
export interface MatmulGeometry {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Elements from one matrix of A to the next. 0 uses the same matrix for the whole batch. */
  readonly batchStrideA: number;
  readonly batchStrideB: number;
}
