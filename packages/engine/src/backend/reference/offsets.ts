// The offsets of a strided view's elements. The reference backend reads broadcast and permuted operands through lists of offsets instead
// of nested loops of unknown depth. Only the reference does this, because such a list is as long as the result.
import { type Shape, sizeOf } from '../../shape.ts';

/** Returns the offset of each position of `shape` in an array with these strides. The positions are in row-major order. */
export function offsetsOf(shape: Shape, strides: readonly number[]): Int32Array {
  const offsets = new Int32Array(sizeOf(shape));
  if (offsets.length === 0) return offsets;
  let filled = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    // `offsets[0..filled]` already has the offsets of the inner dimensions. Each further index of dimension `dim` repeats these offsets,
    // plus the dimension's stride.
    for (let step = 1; step < shape[dim]; step++) {
      for (let i = 0; i < filled; i++) offsets[step * filled + i] = offsets[i] + step * strides[dim];
    }
    filled *= shape[dim];
  }
  return offsets;
}
