// What Winograd's tiles read: at the borders of planes, where what lies outside counts as 0 and nothing behind the last plane is read; and
// beforehand, so that memory does not keep them waiting.
import { WinogradPlan } from './winogradPlan';

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

/**
 * Reads a word of each line of the cache that an image's tiles from `tile` on, at most `left`, are in. One after the other lines arrive at
 * the memory's speed, while tiles, that go from plane to plane, would wait for each. The image has so many planes of height ×
 * width; a tile has `rows` of their rows, begins `step` rows below the one above, and the first one `above` the plane.
 * @returns what is of no use, so that nobody leaves the reading out.
 */
export function bringTiles(
  plan: WinogradPlan,
  image: usize,
  planes: i32,
  height: i32,
  width: i32,
  tile: i32,
  left: i32,
  step: i32,
  rows: i32,
  above: i32,
): i32 {
  const last = min(plan.tilesDown * plan.tilesAcross, tile + left) - 1;
  const fromRow = max(0, step * (tile / plan.tilesAcross) - above);
  const toRow = min(height, step * (last / plan.tilesAcross) + rows - above);
  const bytes = <usize>(max(0, toRow - fromRow) * width) << 2;
  let all = 0;
  for (let i = 0; i < planes; i++) {
    let at = image + (<usize>((i * height + fromRow) * width) << 2);
    for (const end = at + bytes; at < end; at += 64) all |= load<i32>(at);
  }
  return all;
}
