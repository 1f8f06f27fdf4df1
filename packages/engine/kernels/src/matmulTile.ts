// The micro-kernel of matrix products: rowTile.ts's, going on from sums that are there, so that a product taken block by block adds
// its terms in the order of one that is not. Each row of the left operand has a pointer, moved along at every term.
import { madd } from './madd';

/** `rows` is a constant where this is inlined. */
// @ts-ignore: decorator
@inline
function tile(
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
  let a1 = a + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  let a4 = a3 + aRow;
  let s00 = v128.load(from);
  let s01 = v128.load(from, 16);
  if (rows > 1) from += fromRow;
  let s10 = v128.load(from);
  let s11 = v128.load(from, 16);
  if (rows > 2) from += fromRow;
  let s20 = v128.load(from);
  let s21 = v128.load(from, 16);
  if (rows > 3) from += fromRow;
  let s30 = v128.load(from);
  let s31 = v128.load(from, 16);
  if (rows > 4) from += fromRow;
  let s40 = v128.load(from);
  let s41 = v128.load(from, 16);
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
  v128.store(c, s00);
  v128.store(c, s01, 16);
  if (rows > 1) {
    c += cRow;
    v128.store(c, s10);
    v128.store(c, s11, 16);
  }
  if (rows > 2) {
    c += cRow;
    v128.store(c, s20);
    v128.store(c, s21, 16);
  }
  if (rows > 3) {
    c += cRow;
    v128.store(c, s30);
    v128.store(c, s31, 16);
  }
  if (rows > 4) {
    c += cRow;
    v128.store(c, s40);
    v128.store(c, s41, 16);
  }
}

/**
 * c[r][0…7] = from[r][0…7] + Σ a[r][t] · b[t][0…7] for t < k and r < rows (1 to 5). Steps are in bytes: from row to row of a, `from`
 * and c, and from term to term of a and b.
 */
export function matmulTile(
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
  switch (rows) {
    case 5:
      tile(5, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    case 4:
      tile(4, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    case 3:
      tile(3, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    case 2:
      tile(2, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
      break;
    default:
      tile(1, a, aRow, aStep, b, bStep, k, from, fromRow, c, cRow);
  }
}
