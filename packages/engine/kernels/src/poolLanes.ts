// 2 × 2 max-pooling of four windows at a time, given their four corners as vectors. Convolutions use it to pool results that they have just
// computed. Pooling of whole planes is in pool2d.ts.

/** Returns a mask of the lanes in which `value` replaces `best`: `value` is larger than `best` or NaN, and `best` is not NaN. */
// @ts-ignore: decorator
@inline
function replaces(value: v128, best: v128): v128 {
  return v128.andnot(f32x4.eq(best, best), f32x4.ge(best, value));
}

/**
 * Returns whether a value may be NaN, because then the maximum needs slower comparisons. Also returns true if there are infinities of
 * opposite signs, because their sum is NaN.
 */
// @ts-ignore: decorator
@inline
export function mayHaveNaN(a: v128, b: v128, c: v128, d: v128): bool {
  const sum = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  return v128.any_true(f32x4.ne(sum, sum));
}

/**
 * Returns for each lane the largest of the four values of a 2 × 2 window: a (top left), b (top right), c (bottom left), d (bottom right). A
 * NaN counts as the largest. If `withNaN` is false, no value may be NaN.
 */
// @ts-ignore: decorator
@inline
export function largestOf(withNaN: bool, a: v128, b: v128, c: v128, d: v128): v128 {
  if (!withNaN) return f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  let best = v128.bitselect(b, a, replaces(b, a));
  best = v128.bitselect(c, best, replaces(c, best));
  return v128.bitselect(d, best, replaces(d, best));
}

/**
 * Returns for each lane the distance in elements from a (top left) to the window's largest value `best`, in planes with rows of `width`. Of
 * equal values the first one is taken, and of several NaNs the first one.
 */
// @ts-ignore: decorator
@inline
export function stepToLargest(withNaN: bool, best: v128, a: v128, b: v128, c: v128, d: v128, width: i32): v128 {
  const below = i32x4.splat(width);
  const one = i32x4.splat(1);
  const diagonal = i32x4.add(below, one);
  if (!withNaN) {
    let step = v128.bitselect(below, diagonal, f32x4.eq(c, best));
    step = v128.bitselect(one, step, f32x4.eq(b, best));
    return v128.andnot(step, f32x4.eq(a, best));
  }
  let mask = replaces(b, a);
  let sofar = v128.bitselect(b, a, mask);
  let step = v128.and(one, mask);
  mask = replaces(c, sofar);
  sofar = v128.bitselect(c, sofar, mask);
  step = v128.bitselect(below, step, mask);
  return v128.bitselect(diagonal, step, replaces(d, sofar));
}

/**
 * Stores for each lane max(0, a, b, c, d), and the position of the largest of a (top left), b (top right), c (bottom left) and d (bottom
 * right).
 * @param position for each lane, the position of a in its plane, which has rows of `width`
 */
// @ts-ignore: decorator
@inline
export function poolLanes(a: v128, b: v128, c: v128, d: v128, position: v128, width: i32, out: usize, indices: usize): void {
  const withNaN = mayHaveNaN(a, b, c, d);
  const best = largestOf(withNaN, a, b, c, d);
  v128.store(out, f32x4.pmax(best, f32x4.splat(0)));
  v128.store(indices, i32x4.add(position, stepToLargest(withNaN, best, a, b, c, d, width)));
}
