// Transforms tiles of the input's gradient, from frequencies with four channels per vector to NCHW planes. The tiles have 6 × 6 elements
// and overlap in the same way as the tiles of the input. Every element is written once.
import { WinogradPlan } from './winogradPlan';
import { element1, element2, element3, element4 } from './winogradTransforms';

/** Stores the columns `column` to `column` + 3 of a row that begins at `to`. Columns outside the row are not stored. */
// @ts-ignore: decorator
@inline
function storeInside(to: usize, lanes: v128, column: i32, width: i32): void {
  const at = to + (column << 2);
  if (column >= 0 && column + 4 <= width) {
    v128.store(at, lanes);
    return;
  }
  if (<u32>column < <u32>width) v128.store32_lane(at, lanes, 0);
  if (<u32>(column + 1) < <u32>width) v128.store32_lane(at, lanes, 1, 4);
  if (<u32>(column + 2) < <u32>width) v128.store32_lane(at, lanes, 2, 8);
  if (<u32>(column + 3) < <u32>width) v128.store32_lane(at, lanes, 3, 12);
}

/**
 * Transforms all planes of one tile of the input's gradient. Neighbouring tiles overlap by two rows or columns, so tiles must be computed
 * from left to right and from top to bottom. `down` (for the tile below) and `across` (for the tile to the right) keep what a tile adds to
 * later tiles. The last tile of a row or column of tiles also writes these values.
 * @param row the tile's first row, which may be outside the plane
 * @param column the tile's first column, which may be outside the plane
 */
export function inputGradientTile(
  plan: WinogradPlan,
  from: usize,
  dx: usize,
  row: i32,
  column: i32,
  down: usize,
  across: usize,
  between: usize,
): void {
  const height = plan.height;
  const width = plan.width;
  const plane = <usize>(height * width) << 2;
  const step = plan.channelStep;
  const isFirst = column == -plan.left;
  const isLast = column + plan.left + 4 >= 4 * plan.tilesAcross;
  const rows = row + plan.top + 4 >= 4 * plan.tilesDown ? 6 : 4;
  const zero = f32x4.splat(0);
  for (let channel = 0; channel < plan.channels; channel += 4) {
    const planes = plan.channels - channel;
    for (let j: usize = 0; j < 6; j++) {
      const at = from + j * step;
      const m0 = v128.load(at);
      const m1 = v128.load(at + 6 * step);
      const m2 = v128.load(at + 12 * step);
      const m3 = v128.load(at + 18 * step);
      const m4 = v128.load(at + 24 * step);
      const m5 = v128.load(at + 30 * step);
      const sum1 = f32x4.add(m1, m2);
      const sum2 = f32x4.add(m3, m4);
      const difference1 = f32x4.sub(m1, m2);
      const difference2 = f32x4.sub(m3, m4);
      const to = between + (j << 4);
      const waiting = down + (j << 4);
      v128.store(to, f32x4.add(m0, v128.load(waiting)));
      v128.store(to, f32x4.add(element1(m5, difference1, difference2), v128.load(waiting, 96)), 96);
      v128.store(to, element2(m0, sum1, sum2), 192);
      v128.store(to, element3(m5, difference1, difference2), 288);
      v128.store(waiting, element4(m0, sum1, sum2));
      v128.store(waiting, m5, 96);
    }
    const out = dx + <usize>channel * plane;
    for (let i = 0; i < rows; i++) {
      if (<u32>(row + i) >= <u32>height) continue;
      const at = i < 4 ? between + <usize>i * 96 : down + <usize>(i - 4) * 96;
      const m0 = v128.load(at);
      const m5 = v128.load(at, 80);
      const sum1 = f32x4.add(v128.load(at, 16), v128.load(at, 32));
      const sum2 = f32x4.add(v128.load(at, 48), v128.load(at, 64));
      const difference1 = f32x4.sub(v128.load(at, 16), v128.load(at, 32));
      const difference2 = f32x4.sub(v128.load(at, 48), v128.load(at, 64));
      const waiting = across + <usize>i * 32;
      const a = f32x4.add(m0, isFirst ? zero : v128.load(waiting));
      const b = f32x4.add(element1(m5, difference1, difference2), isFirst ? zero : v128.load(waiting, 16));
      const c = element2(m0, sum1, sum2);
      const d = element3(m5, difference1, difference2);
      const e = element4(m0, sum1, sum2);
      v128.store(waiting, e);
      v128.store(waiting, m5, 16);
      const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const to = out + (<usize>((row + i) * width) << 2);
      storeInside(to, v128.shuffle<f64>(lowAB, lowCD, 0, 2), column, width);
      if (planes > 1) storeInside(to + plane, v128.shuffle<f64>(lowAB, lowCD, 1, 3), column, width);
      if (planes > 2) storeInside(to + 2 * plane, v128.shuffle<f64>(highAB, highCD, 0, 2), column, width);
      if (planes > 3) storeInside(to + 3 * plane, v128.shuffle<f64>(highAB, highCD, 1, 3), column, width);
      if (!isLast) continue;
      if (column + 4 < width) storeColumn(to + ((column + 4) << 2), plane, planes, e);
      if (column + 5 < width) storeColumn(to + ((column + 5) << 2), plane, planes, m5);
    }
    from += 16;
    down += 192;
    across += 192;
  }
}

/** Stores one element of each of up to four planes. */
// @ts-ignore: decorator
@inline
function storeColumn(to: usize, plane: usize, planes: i32, lanes: v128): void {
  v128.store32_lane(to, lanes, 0);
  if (planes > 1) v128.store32_lane(to + plane, lanes, 1);
  if (planes > 2) v128.store32_lane(to + 2 * plane, lanes, 2);
  if (planes > 3) v128.store32_lane(to + 3 * plane, lanes, 3);
}
