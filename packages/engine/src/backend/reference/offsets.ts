// Where the elements of a strided view lie. The reference backend reads broadcast and permuted operands through lists of
// offsets instead of nested loops of unknown depth; nothing else does, because it costs a list as long as the result.
import { type Shape, sizeOf } from '../../shape.ts';

/** For each position of `shape` in row-major order, the offset that `strides` gives it. */
export function offsetsOf(shape: Shape, strides: readonly number[]): Int32Array {
  const offsets = new Int32Array(sizeOf(shape));
  if (offsets.length === 0) return offsets;
  let filled = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    // What is filled holds the inner dimensions; each further step along this one repeats it, shifted.
    for (let step = 1; step < shape[dim]; step++) {
      for (let i = 0; i < filled; i++) offsets[step * filled + i] = offsets[i] + step * strides[dim];
    }
    filled *= shape[dim];
  }
  return offsets;
}
