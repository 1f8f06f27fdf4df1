// Matrix products, row-major and dense. There are two ways; only the layout of the operands decides between them:
//   tiles: five rows of A at a time are read in place. B is read in strips of 8 columns. Strips are packed if enough rows use them and
//          if without packing they would compete for the first-level cache.
//   dots:  for A · Bᵀ both operands are contiguous along k, so 4 × 2 dot products at a time need no packing.
// Both divide k into blocks of a fixed length, so that data that is read repeatedly stays in the caches.
import { transpose } from './broadcast';
import { dots, dotUnits } from './dots';
import { ownScratch } from './memory';
import { goOnRows } from './rowTile';
import { firstRow, TILE_COLUMNS, tilesOf } from './tile';

/** The length of a block of k. Five rows of A (5 KB) and a strip of B (8 KB) then fit into the first-level cache. */
const DEPTH = 256;
/**
 * The most tiles of rows and the most strips of columns of a unit. The unit's block of B (128 KB) stays in the second-level cache, and
 * packing takes a small part of the unit's time.
 */
const UNIT_TILES = 24;
const UNIT_STRIPS = 16;
/** B is packed if it is transposed, or if at least this number of rows use it and LONG_ROW or CROWDED applies. */
const PACK_FROM = 16;
/** LONG_ROW applies if B's rows have at least this number of elements: each row is then on another page of memory. */
const LONG_ROW = 1024;
/**
 * CROWDED applies if the distance between B's rows is a multiple of this number of elements (512 bytes). Without packing, a strip could
 * then use only an eighth of the first-level cache.
 */
const CROWDED = 128;

/** The sizes of a product and the addresses of its scratch memory. Strides are in elements. */
@unmanaged
class Operands {
  m: i32;
  n: i32;
  k: i32;
  rowA: i32;
  columnA: i32;
  rowB: i32;
  columnB: i32;
  /** Whether strips of B are packed to `packedB`. */
  packs: bool;
  zeros: usize;
  corner: usize;
  packedB: usize;
}

// @ts-ignore: decorator
@inline
function stripsOf(n: i32): i32 {
  return (n + TILE_COLUMNS - 1) / TILE_COLUMNS;
}

/** Returns the bytes of scratch memory that each thread needs for `matmul`. */
export function matmulScratch(m: i32, n: i32, k: i32): usize {
  const depth = <usize>min(k, DEPTH);
  return offsetof<Operands>() + 64 + 256 + ((depth * <usize>(min(stripsOf(n), UNIT_STRIPS) * TILE_COLUMNS)) << 2);
}

/** Returns the number of units of `matmul`. A unit is a part of one matrix of the result. */
export function matmulUnits(batch: i32, m: i32, n: i32, transposeA: i32, transposeB: i32): i32 {
  return batch * unitsOfMatrix(m, n, isOfDots(transposeA, transposeB));
}

// @ts-ignore: decorator
@inline
function isOfDots(transposeA: i32, transposeB: i32): bool {
  return transposeB != 0 && transposeA == 0;
}

// Tiles and strips are divided evenly among the smallest possible number of units.

// @ts-ignore: decorator
@inline
function unitsDown(m: i32): i32 {
  return (tilesOf(m) + UNIT_TILES - 1) / UNIT_TILES;
}

// @ts-ignore: decorator
@inline
function unitsAcross(n: i32): i32 {
  return (stripsOf(n) + UNIT_STRIPS - 1) / UNIT_STRIPS;
}

// @ts-ignore: decorator
@inline
function unitsOfMatrix(m: i32, n: i32, ofDots: bool): i32 {
  return ofDots ? dotUnits(m, n) : unitsDown(m) * unitsAcross(n);
}

/**
 * Computes out[b] = A[b] · B[b]. A is m×k (in memory k×m if transposeA), B is k×n (in memory n×k if transposeB). Units: see matmulUnits.
 */
export function matmul(
  a: usize,
  b: usize,
  out: usize,
  m: i32,
  n: i32,
  k: i32,
  transposeA: i32,
  transposeB: i32,
  batchStrideA: i32,
  batchStrideB: i32,
  scratch: usize,
  from: i32,
  to: i32,
): void {
  const ofDots = isOfDots(transposeA, transposeB);
  const perMatrix = unitsOfMatrix(m, n, ofDots);
  const operands = changetype<Operands>(ownScratch(scratch, matmulScratch(m, n, k)));
  if (!ofDots) lay(operands, m, n, k, transposeA != 0, transposeB != 0);
  while (from < to) {
    const matrix = from / perMatrix;
    const first = from - matrix * perMatrix;
    const end = min(perMatrix, to - matrix * perMatrix);
    const left = a + (<usize>(matrix * batchStrideA) << 2);
    const right = b + (<usize>(matrix * batchStrideB) << 2);
    const result = out + (<usize>(matrix * m * n) << 2);
    if (ofDots) dots(left, right, 0, result, m, n, k, first, end);
    else for (let unit = first; unit < end; unit++) multiply(left, right, result, unit, operands);
    from += end - first;
  }
}

/** Sets the sizes, the steps and the addresses of the parts of scratch memory. */
function lay(operands: Operands, m: i32, n: i32, k: i32, transposeA: bool, transposeB: bool): void {
  operands.m = m;
  operands.n = n;
  operands.k = k;
  operands.rowA = transposeA ? 1 : k;
  operands.columnA = transposeA ? m : 1;
  operands.rowB = transposeB ? 1 : n;
  operands.columnB = transposeB ? k : 1;
  operands.packs = transposeB || (m >= PACK_FROM && (n >= LONG_ROW || n % CROWDED == 0));
  operands.zeros = changetype<usize>(operands) + offsetof<Operands>();
  operands.corner = operands.zeros + 64;
  operands.packedB = operands.corner + 256;
  memory.fill(operands.zeros, 0, 64);
}

/** Computes one unit of one matrix. */
function multiply(a: usize, b: usize, out: usize, unit: i32, o: Operands): void {
  const down = unitsDown(o.m);
  const across = unitsAcross(o.n);
  const tiles = tilesOf(o.m);
  const strips = stripsOf(o.n);
  const firstTile = (tiles * (unit / across)) / down;
  const endTile = (tiles * (unit / across + 1)) / down;
  const column = ((strips * (unit % across)) / across) * TILE_COLUMNS;
  const n = min(o.n, ((strips * (unit % across + 1)) / across) * TILE_COLUMNS) - column;
  b += <usize>(column * o.columnB) << 2;
  out += <usize>column << 2;
  if (o.k == 0) clearRows(out, firstRow(o.m, tiles, firstTile), firstRow(o.m, tiles, endTile), n, o.n);
  for (let depth = 0; depth < o.k; depth += DEPTH) {
    const k = min(o.k - depth, DEPTH);
    const block = b + (<usize>(depth * o.rowB) << 2);
    if (o.packs) packStrips(block, o.rowB, o.columnB, o.packedB, k, n);
    for (let i = firstTile; i < endTile; i++) {
      const first = firstRow(o.m, tiles, i);
      const rows = firstRow(o.m, tiles, i + 1) - first;
      const left = a + (<usize>(first * o.rowA + depth * o.columnA) << 2);
      multiplyRows(left, block, out + (<usize>(first * o.n) << 2), rows, n, k, depth == 0, o);
    }
  }
}

function clearRows(out: usize, first: i32, end: i32, columns: i32, step: i32): void {
  for (let row = first; row < end; row++) memory.fill(out + (<usize>(row * step) << 2), 0, <usize>columns << 2);
}

/** Multiplies one tile of rows with all strips of a block of B. */
function multiplyRows(a: usize, block: usize, out: usize, rows: i32, n: i32, k: i32, isFirst: bool, o: Operands): void {
  const aRow = <usize>o.rowA << 2;
  const aStep = <usize>o.columnA << 2;
  const outStep = <usize>o.n << 2;
  const bStep = <usize>(o.packs ? TILE_COLUMNS : o.rowB) << 2;
  let strip = o.packs ? o.packedB : block;
  const stripStep = <usize>(o.packs ? k * TILE_COLUMNS : TILE_COLUMNS) << 2;
  for (; n >= TILE_COLUMNS; n -= TILE_COLUMNS) {
    goOnRows(rows, a, aRow, aStep, strip, bStep, k, isFirst ? o.zeros : out, isFirst ? 0 : outStep, out, outStep);
    strip += stripStep;
    out += TILE_COLUMNS << 2;
  }
  if (n == 0) return;
  // The last columns are computed in a separate tile, `corner`, because a tile is wider than they are.
  const cornerStep: usize = TILE_COLUMNS << 2;
  if (!isFirst) copyRows(out, outStep, o.corner, cornerStep, rows, n);
  const from = isFirst ? o.zeros : o.corner;
  goOnRows(rows, a, aRow, aStep, strip, bStep, k, from, isFirst ? 0 : cornerStep, o.corner, cornerStep);
  copyRows(o.corner, cornerStep, out, outStep, rows, n);
}

function copyRows(from: usize, fromStep: usize, to: usize, toStep: usize, rows: i32, columns: i32): void {
  for (; rows > 0; rows--) {
    for (let c = 0; c < columns; c++) store<f32>(to + (<usize>c << 2), load<f32>(from + (<usize>c << 2)));
    from += fromStep;
    to += toStep;
  }
}

/** Packs strips of 8 columns one after the other, each row by row. Columns that the last strip lacks are 0. */
function packStrips(b: usize, row: i32, column: i32, to: usize, k: i32, n: i32): void {
  for (; n > 0; n -= TILE_COLUMNS) {
    const columns = min(n, TILE_COLUMNS);
    if (columns < TILE_COLUMNS) memory.fill(to, 0, (<usize>k * TILE_COLUMNS) << 2);
    if (column != 1) {
      transpose(b, column, to, TILE_COLUMNS, k, columns);
    } else {
      copyRows8(b, <usize>row << 2, to, k, columns);
    }
    b += <usize>(TILE_COLUMNS * column) << 2;
    to += (<usize>k * TILE_COLUMNS) << 2;
  }
}

function copyRows8(from: usize, step: usize, to: usize, rows: i32, columns: i32): void {
  if (columns < TILE_COLUMNS) {
    copyRows(from, step, to, TILE_COLUMNS << 2, rows, columns);
    return;
  }
  for (; rows > 0; rows--) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += step;
    to += TILE_COLUMNS << 2;
  }
}
