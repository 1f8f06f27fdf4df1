// What kernels share about memory: where it starts being free, whose scratch is whose, and loads and stores of one to three elements, for the
// ends of arrays. Not an allocator: the backend hands out every address.

/** The first byte behind the module's constants. */
export function heapBase(): usize {
  return __heap_base;
}

/** Which of the threads over this memory runs this instance: a global belongs to an instance, unlike all that lies in memory. */
let thread: usize = 0;

export function setThread(number: i32): void {
  thread = number;
}

/** The calling thread's own part of scratch memory that has room for `bytes` of every thread. */
// @ts-ignore: decorator
@inline
export function ownScratch(scratch: usize, bytes: usize): usize {
  return scratch + thread * bytes;
}

/** The first `n` (1 to 3) elements at `address` in the low lanes; the other lanes are 0. */
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

/** Four elements, or as many as are left: `n` >= 1. */
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
