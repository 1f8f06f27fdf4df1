// Functions for memory that all kernels use: where free memory begins, each thread's part of scratch memory, and loads and stores of one to
// three elements at the ends of arrays. The backend allocates the memory and passes its addresses to the kernels.

/** Returns the address of the first byte after the module's constants. */
export function heapBase(): usize {
  return __heap_base;
}

/** The number of the thread that runs this instance. Each thread has an instance with its own globals, but all share the memory. */
let thread: usize = 0;

export function setThread(number: i32): void {
  thread = number;
}

/** Returns the calling thread's part of scratch memory. The scratch memory has `bytes` for each thread. */
// @ts-ignore: decorator
@inline
export function ownScratch(scratch: usize, bytes: usize): usize {
  return scratch + thread * bytes;
}

/** Rounds bytes up to whole cache lines and adds one more line. */
// @ts-ignore: decorator
@inline
export function lines(bytes: usize): usize {
  return ((bytes + 63) & ~63) + 64;
}

/** Loads the first `n` (1 to 3) elements at `address` into the low lanes. The other lanes are 0. */
// @ts-ignore: decorator
@inline
export function loadTail(address: usize, n: i32): v128 {
  let lanes = v128.load32_zero(address);
  if (n > 1) lanes = f32x4.replace_lane(lanes, 1, load<f32>(address, 4));
  if (n > 2) lanes = f32x4.replace_lane(lanes, 2, load<f32>(address, 8));
  return lanes;
}

/** Stores the first `n` (1 to 3) lanes. */
// @ts-ignore: decorator
@inline
export function storeTail(address: usize, lanes: v128, n: i32): void {
  store<f32>(address, f32x4.extract_lane(lanes, 0));
  if (n > 1) store<f32>(address, f32x4.extract_lane(lanes, 1), 4);
  if (n > 2) store<f32>(address, f32x4.extract_lane(lanes, 2), 8);
}

/** Loads four elements, or `n` elements if `n` is less than 4. `n` is at least 1. */
// @ts-ignore: decorator
@inline
export function loadUpTo4(address: usize, n: i32): v128 {
  return n >= 4 ? v128.load(address) : loadTail(address, n);
}

// @ts-ignore: decorator
@inline
export function storeUpTo4(address: usize, lanes: v128, n: i32): void {
  if (n >= 4) v128.store(address, lanes);
  else storeTail(address, lanes, n);
}
