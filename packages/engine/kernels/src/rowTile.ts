// The micro-kernel of products that read the left operand in place. A tile is up to 5 rows × 8 columns of sums held in registers. Each
// element of a row is repeated over a vector when it is loaded. Each row has its own pointer, which moves with every term: this is faster
// than offsets, because V8 does not fold the offsets of such loads into the instruction. Each sum adds its terms in order.
import { madd } from './madd';
import { firstRow, tilesOf } from './tile';

/**
 * Computes one tile of sums. Sums begin with `from` if `goesOn`, otherwise with 0. They are added to c if `adds`, otherwise stored in c.
 * `rows`, `goesOn` and `adds` are constants where this function is inlined.
 */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32,
  goesOn: bool,
  adds: bool,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: i32,
  from: usize,
  fromRow: usize,
  c: usize,
  cRow: usize,
): void {
  let a1 = a + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  let a4 = a3 + aRow;
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
  if (goesOn) {
    s00 = v128.load(from);
    s01 = v128.load(from, 16);
    if (rows > 1) {
      from += fromRow;
      s10 = v128.load(from);
      s11 = v128.load(from, 16);
    }
    if (rows > 2) {
      from += fromRow;
      s20 = v128.load(from);
      s21 = v128.load(from, 16);
    }
    if (rows > 3) {
      from += fromRow;
      s30 = v128.load(from);
      s31 = v128.load(from, 16);
    }
    if (rows > 4) {
      from += fromRow;
      s40 = v128.load(from);
      s41 = v128.load(from, 16);
    }
  }
  for (; k > 0; k--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    a += aStep;
    s00 = madd(s00, x0, b0);
    s01 = madd(s01, x0, b1);
    if (rows > 1) {
      const x1 = v128.load32_splat(a1);
      a1 += aStep;
      s10 = madd(s10, x1, b0);
      s11 = madd(s11, x1, b1);
    }
    if (rows > 2) {
      const x2 = v128.load32_splat(a2);
      a2 += aStep;
      s20 = madd(s20, x2, b0);
      s21 = madd(s21, x2, b1);
    }
    if (rows > 3) {
      const x3 = v128.load32_splat(a3);
      a3 += aStep;
      s30 = madd(s30, x3, b0);
      s31 = madd(s31, x3, b1);
    }
    if (rows > 4) {
      const x4 = v128.load32_splat(a4);
      a4 += aStep;
      s40 = madd(s40, x4, b0);
      s41 = madd(s41, x4, b1);
    }
    b += bStep;
  }
  put(adds, c, s00, s01);
  if (rows > 1) put(adds, c + cRow, s10, s11);
  if (rows > 2) put(adds, c + 2 * cRow, s20, s21);
  if (rows > 3) put(adds, c + 3 * cRow, s30, s31);
  if (rows > 4) put(adds, c + 4 * cRow, s40, s41);
}

// @ts-ignore: decorator
@inline
function put(adds: bool, c: usize, left: v128, right: v128): void {
  v128.store(c, adds ? f32x4.add(v128.load(c), left) : left);
  v128.store(c, adds ? f32x4.add(v128.load(c, 16), right) : right, 16);
}

/** Calls `tile` with a constant number of rows. */
// @ts-ignore: decorator
@inline
function rowsOf(
  rows: i32,
  goesOn: bool,
  adds: bool,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: i32,
  from: usize,
  fromRow: usize,
  c: usize,
  cRow: usize,
): void {
  switch (rows) {
    case 5:
      tile(5, goesOn, adds, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    case 4:
      tile(4, goesOn, adds, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    case 3:
      tile(3, goesOn, adds, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    case 2:
      tile(2, goesOn, adds, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    default:
      tile(1, goesOn, adds, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
  }
}

/** Computes all rows in tiles of at most five. */
// @ts-ignore: decorator
@inline
function inTiles(adds: bool, rows: i32, a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  const tiles = tilesOf(rows);
  let first = 0;
  for (let i = 1; i <= tiles; i++) {
    const next = firstRow(rows, tiles, i);
    const taken = next - first;
    rowsOf(taken, false, adds, a, aRow, aStep, b, bStep, k, 0, 0, c, cRow);
    a += <usize>taken * aRow;
    c += <usize>taken * cRow;
    first = next;
  }
}

/**
 * Computes c[r][0…7] = Σ a[r][t] · b[t][0…7] for t < k and all rows r. Steps are in bytes: from row to row of a and c, and from term to
 * term of a and b.
 */
export function setRows(rows: i32, a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  inTiles(false, rows, a, aRow, aStep, b, bStep, k, c, cRow);
}

/** Computes the same sums as setRows, and adds them to c. */
export function addRows(rows: i32, a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  inTiles(true, rows, a, aRow, aStep, b, bStep, k, c, cRow);
}

/**
 * Computes c[r][0…7] = from[r][0…7] + Σ a[r][t] · b[t][0…7] for t < k and r < rows (1 to 5). So a product that is computed block by block
 * adds its terms in the same order as without blocks. Steps are in bytes: between rows of a, `from` and c, and between terms of a and b.
 */
export function goOnRows(
  rows: i32,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  k: i32,
  from: usize,
  fromRow: usize,
  c: usize,
  cRow: usize,
): void {
  rowsOf(rows, true, false, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
}
