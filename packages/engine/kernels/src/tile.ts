// The innermost loops (micro-kernels) of convolutions. A tile is up to 5 rows × 8 columns of float32 sums held in registers: ten
// accumulators, two vectors of the right operand, one vector of the left operand and one product are the most that V8 keeps without
// spilling. The left operand is an image with every element repeated over a vector, which saves an instruction at each use. Each sum adds
// its terms in order. Products of matrices use rowTile.ts instead.
import { madd } from './madd';

/** The number of columns of a tile. */
export const TILE_COLUMNS = 8;
/** The most rows of a tile. */
export const TILE_ROWS = 5;

/** Returns the fewest tiles that hold all rows. */
// @ts-ignore: decorator
@inline
export function tilesOf(rows: i32): i32 {
  return (rows + TILE_ROWS - 1) / TILE_ROWS;
}

/** Returns the first row of tile i. The rows are divided evenly among the tiles, and a tile ends where the next one begins. */
// @ts-ignore: decorator
@inline
export function firstRow(rows: i32, tiles: i32, i: i32): i32 {
  return (rows * i) / tiles;
}

/** Computes one tile. `rows` is a constant where this function is inlined. */
// @ts-ignore: decorator
@inline
function tile(rows: i32, a: usize, offsets: usize, b: usize, k: i32, from: usize, fromStep: usize, c: usize): void {
  let s00 = v128.load(from);
  let s01 = v128.load(from, 16);
  if (rows > 1) from += fromStep;
  let s10 = v128.load(from);
  let s11 = v128.load(from, 16);
  if (rows > 2) from += fromStep;
  let s20 = v128.load(from);
  let s21 = v128.load(from, 16);
  if (rows > 3) from += fromStep;
  let s30 = v128.load(from);
  let s31 = v128.load(from, 16);
  if (rows > 4) from += fromStep;
  let s40 = v128.load(from);
  let s41 = v128.load(from, 16);
  for (; k > 0; k--) {
    const at = a + <usize>load<u32>(offsets);
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load(at);
    s00 = madd(s00, a0, b0);
    s01 = madd(s01, a0, b1);
    if (rows > 1) {
      const a1 = v128.load(at, 16);
      s10 = madd(s10, a1, b0);
      s11 = madd(s11, a1, b1);
    }
    if (rows > 2) {
      const a2 = v128.load(at, 32);
      s20 = madd(s20, a2, b0);
      s21 = madd(s21, a2, b1);
    }
    if (rows > 3) {
      const a3 = v128.load(at, 48);
      s30 = madd(s30, a3, b0);
      s31 = madd(s31, a3, b1);
    }
    if (rows > 4) {
      const a4 = v128.load(at, 64);
      s40 = madd(s40, a4, b0);
      s41 = madd(s41, a4, b1);
    }
    offsets += 4;
    b += 32;
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  if (rows > 1) {
    v128.store(c, s10, 32);
    v128.store(c, s11, 48);
  }
  if (rows > 2) {
    v128.store(c, s20, 64);
    v128.store(c, s21, 80);
  }
  if (rows > 3) {
    v128.store(c, s30, 96);
    v128.store(c, s31, 112);
  }
  if (rows > 4) {
    v128.store(c, s40, 128);
    v128.store(c, s41, 144);
  }
}

/**
 * Computes c[r][0…7] = from[r][0…7] + Σ a[t][r] · b[t][0…7] for t < k and r < rows (1 to 5), over an image of repeated elements. The
 * element of row r for t is at a + offsets[t] + 16 · r. `b` has 8 contiguous floats for each t, and `c` has 8 floats for each row. Steps
 * are in bytes.
 */
export function listedTile(
  rows: i32,
  a: usize,
  offsets: usize,
  b: usize,
  k: i32,
  from: usize,
  fromStep: usize,
  c: usize,
): void {
  switch (rows) {
    case 5:
      tile(5, a, offsets, b, k, from, fromStep, c);
      break;
    case 4:
      tile(4, a, offsets, b, k, from, fromStep, c);
      break;
    case 3:
      tile(3, a, offsets, b, k, from, fromStep, c);
      break;
    case 2:
      tile(2, a, offsets, b, k, from, fromStep, c);
      break;
    default:
      tile(1, a, offsets, b, k, from, fromStep, c);
  }
}

/** Computes one tile of walkedTile. `rows` is a constant where this function is inlined. */
// @ts-ignore: decorator
@inline
function walk(rows: i32, a: usize, offsets: usize, positions: usize, b: usize, n: i32, c: usize): void {
  const a0 = a + <usize>load<u32>(offsets);
  const a1: usize = rows > 1 ? a + <usize>load<u32>(offsets, 4) : 0;
  const a2: usize = rows > 2 ? a + <usize>load<u32>(offsets, 8) : 0;
  const a3: usize = rows > 3 ? a + <usize>load<u32>(offsets, 12) : 0;
  const a4: usize = rows > 4 ? a + <usize>load<u32>(offsets, 16) : 0;
  let s00 = f32x4.splat(0);
  let s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0);
  let s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0);
  let s21 = f32x4.splat(0);
  let s30 = f32x4.splat(0);
  let s31 = f32x4.splat(0);
  let s40 = f32x4.splat(0);
  let s41 = f32x4.splat(0);
  for (; n > 0; n--) {
    const position = <usize>load<u32>(positions);
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load(a0 + position);
    s00 = madd(s00, x0, b0);
    s01 = madd(s01, x0, b1);
    if (rows > 1) {
      const x1 = v128.load(a1 + position);
      s10 = madd(s10, x1, b0);
      s11 = madd(s11, x1, b1);
    }
    if (rows > 2) {
      const x2 = v128.load(a2 + position);
      s20 = madd(s20, x2, b0);
      s21 = madd(s21, x2, b1);
    }
    if (rows > 3) {
      const x3 = v128.load(a3 + position);
      s30 = madd(s30, x3, b0);
      s31 = madd(s31, x3, b1);
    }
    if (rows > 4) {
      const x4 = v128.load(a4 + position);
      s40 = madd(s40, x4, b0);
      s41 = madd(s41, x4, b1);
    }
    positions += 4;
    b += 32;
  }
  v128.store(c, f32x4.add(v128.load(c), s00));
  v128.store(c, f32x4.add(v128.load(c, 16), s01), 16);
  if (rows > 1) {
    v128.store(c, f32x4.add(v128.load(c, 32), s10), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), s11), 48);
  }
  if (rows > 2) {
    v128.store(c, f32x4.add(v128.load(c, 64), s20), 64);
    v128.store(c, f32x4.add(v128.load(c, 80), s21), 80);
  }
  if (rows > 3) {
    v128.store(c, f32x4.add(v128.load(c, 96), s30), 96);
    v128.store(c, f32x4.add(v128.load(c, 112), s31), 112);
  }
  if (rows > 4) {
    v128.store(c, f32x4.add(v128.load(c, 128), s40), 128);
    v128.store(c, f32x4.add(v128.load(c, 144), s41), 144);
  }
}

/**
 * Computes c[r][0…7] += Σ a[offsets[r] + positions[i]] · b[i][0…7] for i < n. `a` is an image of repeated elements, and `b` has 8
 * contiguous floats for each i. The sum is computed separately before it is added to c, so that long sums stay accurate.
 */
export function walkedTile(rows: i32, a: usize, offsets: usize, positions: usize, b: usize, n: i32, c: usize): void {
  switch (rows) {
    case 5:
      walk(5, a, offsets, positions, b, n, c);
      break;
    case 4:
      walk(4, a, offsets, positions, b, n, c);
      break;
    case 3:
      walk(3, a, offsets, positions, b, n, c);
      break;
    case 2:
      walk(2, a, offsets, positions, b, n, c);
      break;
    default:
      walk(1, a, offsets, positions, b, n, c);
  }
}
