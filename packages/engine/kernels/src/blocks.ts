// The units of element-wise kernels: blocks of a fixed number of elements, a whole number of vectors, which are the same wherever a
// block is computed.

/** Elements of a block: some microseconds of work, and a whole number of vectors and cache lines. */
const BLOCK = 2048;

/** Blocks of `n` elements; the last may have fewer. */
export function blocksOf(n: i32): i32 {
  return (n + (BLOCK - 1)) / BLOCK;
}

/** Bytes before the block. */
// @ts-ignore: decorator
@inline
export function blockStart(block: i32): usize {
  return (<usize>block * BLOCK) << 2;
}

/** Elements of the blocks from…to - 1, of `n` in all. */
// @ts-ignore: decorator
@inline
export function blockElements(n: i32, from: i32, to: i32): i32 {
  return min(n - from * BLOCK, (to - from) * BLOCK);
}
