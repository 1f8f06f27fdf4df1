// The units of element-wise kernels: blocks of a fixed number of elements. A block has a whole number of vectors, so the same elements
// always share a vector, whichever thread computes the block.

/** The number of elements of a block. A block takes a few microseconds and has a whole number of vectors and cache lines. */
const BLOCK = 2048;

/** Returns the number of blocks of `n` elements. The last block may have fewer elements. */
export function blocksOf(n: i32): i32 {
  return (n + (BLOCK - 1)) / BLOCK;
}

/** Returns the offset of the block in bytes. */
// @ts-ignore: decorator
@inline
export function blockStart(block: i32): usize {
  return (<usize>block * BLOCK) << 2;
}

/** Returns the number of elements in the blocks `from` to `to - 1`, if all blocks together have `n` elements. */
// @ts-ignore: decorator
@inline
export function blockElements(n: i32, from: i32, to: i32): i32 {
  return min(n - from * BLOCK, (to - from) * BLOCK);
}
