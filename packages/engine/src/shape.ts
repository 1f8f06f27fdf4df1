// Arithmetic on shapes, which are lists of sizes. Arrays are always in row-major ("C") order.
import { ArgumentError, ShapeError } from './errors.ts';

/** The sizes of a tensor's dimensions, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** Returns the number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Returns, for each dimension, the distance in elements between neighbouring indices. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

/**
 * Returns the shape that two operands broadcast to (NumPy's rule: align right; sizes must be equal or 1).
 * @throws ShapeError if the shapes do not broadcast
 */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: the sizes ${x} and ${y} of dimension ${rank - i} differ and neither is 1`,
      );
    }
    shape[rank - i] = x === 1 ? y : x;
  }
  return shape;
}

/**
 * Returns the strides to read an operand of `shape` as if it had the broadcast shape `target`. The stride is 0 where elements are repeated.
 */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const offset = target.length - shape.length;
  return target.map((_, i) => (i < offset || shape[i - offset] === 1 ? 0 : strides[i - offset]));
}

/** Returns the index of a dimension. As in PyTorch, a negative `dim` counts from the end. @throws ArgumentError if it is out of range */
export function normalizeDim(dim: number, rank: number): number {
  const low = rank === 0 ? -1 : -rank;
  const high = rank === 0 ? 0 : rank - 1;
  if (!Number.isInteger(dim) || dim < low || dim > high) {
    throw new ArgumentError(`dimension ${dim} is out of range: expected ${low} to ${high} for a tensor of ${rank} dimensions`);
  }
  return dim < 0 ? dim + Math.max(rank, 1) : dim;
}

/** Returns sizes as PyTorch prints them: `[2, 3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
