// Loads at the borders of planes, for Winograd's tiles: what lies outside counts as 0, and nothing behind the last plane is read.

/** Whether `column` + 0…3 lie in a plane of this width: all bits of their lanes. */
// @ts-ignore: decorator
@inline
export function inside(column: i32, width: i32): v128 {
  return i32x4.lt_u(i32x4.add(i32x4.splat(column), i32x4(0, 1, 2, 3)), i32x4.splat(width));
}

/** Four elements from `at` of which only those inside count; nothing behind `end` is read. */
// @ts-ignore: decorator
@inline
export function loadInside(at: usize, mask: v128, end: usize): v128 {
  if (at + 16 <= end) return v128.and(v128.load(at), mask);
  let lanes = f32x4.splat(0);
  if (at + 4 <= end) lanes = v128.load32_zero(at);
  if (at + 8 <= end) lanes = f32x4.replace_lane(lanes, 1, load<f32>(at, 4));
  if (at + 12 <= end) lanes = f32x4.replace_lane(lanes, 2, load<f32>(at, 8));
  return v128.and(lanes, mask);
}
