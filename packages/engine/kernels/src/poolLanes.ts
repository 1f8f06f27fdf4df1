// 2 × 2 windows of max-pooling in vectors, rectified: four windows side by side, given their four corners. For the convolutions
// that pool what they have just computed; pool2d.ts pools whole planes of any sort.

/** Where the lanes of `value` replace those of `best`: they are larger, or the first NaN. */
// @ts-ignore: decorator
@inline
function replaces(value: v128, best: v128): v128 {
  return v128.andnot(f32x4.eq(best, best), f32x4.ge(best, value));
}

/**
 * Stores max(0, a, b, c, d) of each lane, and the position of the largest: the first one on ties, the first NaN wins.
 * @param position of the corners a in their planes of rows of `width`; b is beside a, c below it, d below b.
 */
// @ts-ignore: decorator
@inline
export function poolLanes(a: v128, b: v128, c: v128, d: v128, position: v128, width: i32, out: usize, indices: usize): void {
  const below = i32x4.splat(width);
  const one = i32x4.splat(1);
  let best: v128;
  let step: v128;
  const sum = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  if (v128.any_true(f32x4.ne(sum, sum))) {
    // A NaN is there, or two infinities that add up to one.
    let mask = replaces(b, a);
    best = v128.bitselect(b, a, mask);
    step = v128.and(one, mask);
    mask = replaces(c, best);
    best = v128.bitselect(c, best, mask);
    step = v128.bitselect(below, step, mask);
    mask = replaces(d, best);
    best = v128.bitselect(d, best, mask);
    step = v128.bitselect(i32x4.add(below, one), step, mask);
  } else {
    best = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
    step = v128.bitselect(below, i32x4.add(below, one), f32x4.eq(c, best));
    step = v128.bitselect(one, step, f32x4.eq(b, best));
    step = v128.andnot(step, f32x4.eq(a, best));
  }
  v128.store(out, f32x4.pmax(best, f32x4.splat(0)));
  v128.store(indices, i32x4.add(position, step));
}
