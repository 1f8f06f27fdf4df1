// Loads elements of Winograd's tiles. At the borders of planes, elements outside count as 0, and nothing after the last plane is read. Also
// prefetches tiles into the cache.
import { WinogradPlan } from './winogradPlan';

/** Returns a mask of the columns `column` to `column` + 3: all bits of a lane are set if the column is inside a plane of this width. */
// @ts-ignore: decorator
@inline
export function inside(column: i32, width: i32): v128 {
  return i32x4.lt_u(i32x4.add(i32x4.splat(column), i32x4(0, 1, 2, 3)), i32x4.splat(width));
}

/** Loads four elements at `at`. Elements outside the mask are 0, and nothing from `end` on is read. */
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
 * Prefetches the cache lines of at most `left` tiles of an image, beginning with the tile `tile`, by reading one word of each line in
 * order. A tile has elements in every plane; without prefetching, each tile would wait for its lines in every plane.
 *
 * The image has `planes` planes of height × width. A tile has `rows` rows and begins `step` rows below the tile above it. The first tile
 * begins `above` rows above the plane.
 * @returns a number without meaning. Store it, so that the compiler does not remove the reads.
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
