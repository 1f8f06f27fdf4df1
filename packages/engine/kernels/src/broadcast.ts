// Kernels over several dimensions: broadcasting arithmetic, repetition, permutation. `dims` is a list of `rank` >= 1 records of int32, the
// innermost dimension first. A record has the result's size in this dimension and, for each operand, its step in elements. The backend
// leaves out dimensions of size 1 and merges neighbours with matching steps, so that the innermost loop is as long as possible.
import { blockElements, blocksOf, blockStart } from './blocks';
import { ADD, DIV, MAXIMUM, MUL, POW, SUB } from './definitions.generated';
import { binaryLanes, fill } from './elementwise';
import { loadTail, ownScratch, storeTail } from './memory';

/** Computes out = a op b over one run. An operand with step 0 repeats its element. */
// @ts-ignore: decorator
@inline
function binaryRun(op: i32, a: usize, stepA: i32, b: usize, stepB: i32, out: usize, n: i32): void {
  if (stepA != 0 && stepB != 0) {
    for (; n >= 4; n -= 4) {
      v128.store(out, binaryLanes(op, v128.load(a), v128.load(b)));
      a += 16;
      b += 16;
      out += 16;
    }
    if (n > 0) storeTail(out, binaryLanes(op, loadTail(a, n), loadTail(b, n)), n);
  } else if (stepA != 0) {
    const right = v128.load32_splat(b);
    for (; n >= 4; n -= 4) {
      v128.store(out, binaryLanes(op, v128.load(a), right));
      a += 16;
      out += 16;
    }
    if (n > 0) storeTail(out, binaryLanes(op, loadTail(a, n), right), n);
  } else {
    const left = v128.load32_splat(a);
    for (; n >= 4; n -= 4) {
      v128.store(out, binaryLanes(op, left, v128.load(b)));
      b += 16;
      out += 16;
    }
    if (n > 0) storeTail(out, binaryLanes(op, left, loadTail(b, n)), n);
  }
}

/**
 * Returns the number of units of `binary`. With one dimension a unit is a block (blocks.ts). With several, it is a run along the innermost
 * dimension.
 */
export function binaryUnits(dims: usize, rank: i32): i32 {
  if (rank == 1) return blocksOf(load<i32>(dims));
  let runs = 1;
  for (let d = 1; d < rank; d++) runs *= load<i32>(dims + <usize>(d * 12));
  return runs;
}

// @ts-ignore: decorator
@inline
function binaryLoop(op: i32, a: usize, b: usize, out: usize, dims: usize, rank: i32, counters: usize, from: i32, to: i32): void {
  const n = load<i32>(dims);
  const stepA = load<i32>(dims, 4);
  const stepB = load<i32>(dims, 8);
  if (rank == 1) {
    const start = blockStart(from);
    binaryRun(op, stepA == 0 ? a : a + start, stepA, stepB == 0 ? b : b + start, stepB, out + start, blockElements(n, from, to));
    return;
  }
  out += <usize>(from * n) << 2;
  let before = from;
  for (let d = 1; d < rank; d++) {
    const record = dims + <usize>(d * 12);
    const size = load<i32>(record);
    const count = before % size;
    before /= size;
    store<i32>(counters + (<usize>d << 2), count);
    a += <usize>(load<i32>(record, 4) * count) << 2;
    b += <usize>(load<i32>(record, 8) * count) << 2;
  }
  for (let run = from; run < to; run++) {
    binaryRun(op, a, stepA, b, stepB, out, n);
    out += (<usize>n) << 2;
    for (let d = 1; d < rank; d++) {
      const record = dims + <usize>(d * 12);
      const counter = counters + (<usize>d << 2);
      const count = load<i32>(counter) + 1;
      a += <usize>load<i32>(record, 4) << 2;
      b += <usize>load<i32>(record, 8) << 2;
      if (count < load<i32>(record)) {
        store<i32>(counter, count);
        break;
      }
      store<i32>(counter, 0);
      a -= <usize>(load<i32>(record, 4) * count) << 2;
      b -= <usize>(load<i32>(record, 8) * count) << 2;
    }
  }
}

/**
 * Computes out = a op b. Records: size, step of a, step of b. Each innermost step is 0 or 1, and at least one of the two is 1. `counters`
 * has 4 * `rank` bytes for each thread. Units: see binaryUnits.
 */
export function binary(
  op: i32,
  a: usize,
  b: usize,
  out: usize,
  dims: usize,
  rank: i32,
  counters: usize,
  from: i32,
  to: i32,
): void {
  counters = ownScratch(counters, <usize>rank << 2);
  switch (op) {
    case ADD:
      binaryLoop(ADD, a, b, out, dims, rank, counters, from, to);
      break;
    case SUB:
      binaryLoop(SUB, a, b, out, dims, rank, counters, from, to);
      break;
    case MUL:
      binaryLoop(MUL, a, b, out, dims, rank, counters, from, to);
      break;
    case DIV:
      binaryLoop(DIV, a, b, out, dims, rank, counters, from, to);
      break;
    case MAXIMUM:
      binaryLoop(MAXIMUM, a, b, out, dims, rank, counters, from, to);
      break;
    default:
      binaryLoop(POW, a, b, out, dims, rank, counters, from, to);
  }
}

/** Copies one run: `n` elements of x that are `step` apart. */
// @ts-ignore: decorator
@inline
function gatherRun(x: usize, step: i32, out: usize, n: i32): void {
  if (step == 1) {
    memory.copy(out, x, (<usize>n) << 2);
  } else if (step == 0) {
    fill(out, n, load<f32>(x));
  } else {
    const stride = <usize>(step << 2);
    for (let i = 0; i < n; i++) {
      store<f32>(out, load<f32>(x));
      x += stride;
      out += 4;
    }
  }
}

/** The number of rows of a transposed matrix that a unit writes. It is a multiple of 4. */
const BAND = 64;

/**
 * Returns whether copying the innermost two dimensions transposes a matrix. A transposition runs in blocks, so that it reads and writes
 * whole vectors.
 */
// @ts-ignore: decorator
@inline
function isTransposed(dims: usize, rank: i32): bool {
  return rank > 1 && load<i32>(dims, 4) > 1 && load<i32>(dims, 12) == 1;
}

/** Returns the number of units in a run of the innermost dimensions. A transposed matrix is split into bands of rows. */
// @ts-ignore: decorator
@inline
function bandsOf(dims: usize, rank: i32): i32 {
  return isTransposed(dims, rank) ? (load<i32>(dims, 8) + BAND - 1) / BAND : 1;
}

/**
 * Returns the number of units of `gather`. With one dimension a unit is a block (blocks.ts). With several, it is a run along the innermost
 * dimension, or a band of rows of a transposed matrix.
 */
export function gatherUnits(dims: usize, rank: i32): i32 {
  if (rank == 1) return blocksOf(load<i32>(dims));
  let units = bandsOf(dims, rank);
  for (let d = isTransposed(dims, rank) ? 2 : 1; d < rank; d++) units *= load<i32>(dims + (<usize>d << 3));
  return units;
}

/**
 * Copies x in the order that the records (size, step of x) define. A step of 0 repeats elements, and steps in another order permute
 * dimensions. `counters` has 4 * `rank` bytes for each thread. Units: see gatherUnits.
 */
export function gather(x: usize, out: usize, dims: usize, rank: i32, counters: usize, from: i32, to: i32): void {
  counters = ownScratch(counters, <usize>rank << 2);
  const n = load<i32>(dims);
  const step = load<i32>(dims, 4);
  if (rank == 1) {
    const start = blockStart(from);
    gatherRun(x + start * step, step, out + start, blockElements(n, from, to));
    return;
  }
  const transposes = isTransposed(dims, rank);
  const rows = transposes ? load<i32>(dims, 8) : 1;
  const bands = bandsOf(dims, rank);
  const outer = transposes ? 2 : 1;
  let run = from / bands;
  out += <usize>(run * rows * n) << 2;
  for (let d = outer, before = run; d < rank; d++) {
    const record = dims + (<usize>d << 3);
    const count = before % load<i32>(record);
    before /= load<i32>(record);
    store<i32>(counters + (<usize>d << 2), count);
    x += <usize>(load<i32>(record, 4) * count) << 2;
  }
  while (from < to) {
    const end = min(bands, to - run * bands);
    if (transposes) {
      const row = (from - run * bands) * BAND;
      transpose(x + (<usize>row << 2), step, out + (<usize>(row * n) << 2), n, min(rows, end * BAND) - row, n);
    } else {
      gatherRun(x, step, out, n);
    }
    from = run * bands + end;
    run++;
    out += <usize>(rows * n) << 2;
    for (let d = outer; d < rank; d++) {
      const record = dims + (<usize>d << 3);
      const counter = counters + (<usize>d << 2);
      const count = load<i32>(counter) + 1;
      x += <usize>load<i32>(record, 4) << 2;
      if (count < load<i32>(record)) {
        store<i32>(counter, count);
        break;
      }
      store<i32>(counter, 0);
      x -= <usize>(load<i32>(record, 4) * count) << 2;
    }
  }
}

/** Computes out[r * outStep + c] = x[c * step + r] for rows × columns results, in 4 × 4 blocks. */
export function transpose(x: usize, step: i32, out: usize, outStep: i32, rows: i32, columns: i32): void {
  const xStride = <usize>step << 2;
  const outStride = <usize>outStep << 2;
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    let from = x + (<usize>r << 2);
    let to = out + <usize>r * outStride;
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const x0 = v128.load(from);
      const x1 = v128.load(from + xStride);
      const x2 = v128.load(from + 2 * xStride);
      const x3 = v128.load(from + 3 * xStride);
      const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
      v128.store(to + outStride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
      v128.store(to + 2 * outStride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
      v128.store(to + 3 * outStride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
      from += 4 * xStride;
      to += 16;
    }
    for (; c < columns; c++) {
      store<f32>(to, load<f32>(from));
      store<f32>(to + outStride, load<f32>(from, 4));
      store<f32>(to + 2 * outStride, load<f32>(from, 8));
      store<f32>(to + 3 * outStride, load<f32>(from, 12));
      from += xStride;
      to += 4;
    }
  }
  for (; r < rows; r++) gatherRun(x + (<usize>r << 2), step, out + <usize>r * outStride, columns);
}
