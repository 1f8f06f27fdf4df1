// The two inner loops of a convolution's gradients when only few positions of the result have a gradient. They run over a list of these
// positions. An entry has the byte offsets of the position's window in two images, and its gradient. Images have their channels last, so a
// row of a window is one run of kernelWidth × channels elements. The first image is only read, and its pixels are not padded. The second
// image is added to, and its pixels begin at whole vectors: so the processor can forward a stored vector to the next overlapping window.
import { madd } from './madd';

/**
 * Bytes of an entry of the list: the offset in the image that is read (u32), the offset in the image that is added to (u32), and the
 * gradient (f32).
 */
export const ENTRY = 16;
/** Vectors of sums that are held in registers at a time. */
const MOST = 8;

/**
 * Sums `count` vectors; `count` is a constant where this is inlined. The vectors are `step` bytes apart in the image and `sumStep` bytes
 * apart in `sums`.
 */
// @ts-ignore: decorator
@inline
function accumulate(count: i32, image: usize, step: usize, list: usize, n: i32, sums: usize, sumStep: usize): void {
  let s0 = v128.load(sums);
  let s1 = f32x4.splat(0);
  let s2 = s1;
  let s3 = s1;
  let s4 = s1;
  let s5 = s1;
  let s6 = s1;
  let s7 = s1;
  if (count > 1) s1 = v128.load(sums + sumStep);
  if (count > 2) s2 = v128.load(sums + 2 * sumStep);
  if (count > 3) s3 = v128.load(sums + 3 * sumStep);
  if (count > 4) s4 = v128.load(sums + 4 * sumStep);
  if (count > 5) s5 = v128.load(sums + 5 * sumStep);
  if (count > 6) s6 = v128.load(sums + 6 * sumStep);
  if (count > 7) s7 = v128.load(sums + 7 * sumStep);
  for (const end = list + <usize>n * ENTRY; list < end; list += ENTRY) {
    let at = image + <usize>load<u32>(list);
    const g = v128.load32_splat(list, 8);
    s0 = madd(s0, g, v128.load(at));
    if (step == 16) {
      if (count > 1) s1 = madd(s1, g, v128.load(at, 16));
      if (count > 2) s2 = madd(s2, g, v128.load(at, 32));
      if (count > 3) s3 = madd(s3, g, v128.load(at, 48));
      if (count > 4) s4 = madd(s4, g, v128.load(at, 64));
      if (count > 5) s5 = madd(s5, g, v128.load(at, 80));
      if (count > 6) s6 = madd(s6, g, v128.load(at, 96));
      if (count > 7) s7 = madd(s7, g, v128.load(at, 112));
    } else {
      if (count > 1) s1 = madd(s1, g, v128.load((at += step)));
      if (count > 2) s2 = madd(s2, g, v128.load((at += step)));
      if (count > 3) s3 = madd(s3, g, v128.load((at += step)));
      if (count > 4) s4 = madd(s4, g, v128.load((at += step)));
    }
  }
  v128.store(sums, s0);
  if (count > 1) v128.store(sums + sumStep, s1);
  if (count > 2) v128.store(sums + 2 * sumStep, s2);
  if (count > 3) v128.store(sums + 3 * sumStep, s3);
  if (count > 4) v128.store(sums + 4 * sumStep, s4);
  if (count > 5) v128.store(sums + 5 * sumStep, s5);
  if (count > 6) v128.store(sums + 6 * sumStep, s6);
  if (count > 7) v128.store(sums + 7 * sumStep, s7);
}

/** Sums up to eight neighbouring vectors of a row. */
function accumulateRow(count: i32, image: usize, list: usize, n: i32, sums: usize): void {
  switch (count) {
    case 8:
      accumulate(8, image, 16, list, n, sums, 16);
      break;
    case 7:
      accumulate(7, image, 16, list, n, sums, 16);
      break;
    case 6:
      accumulate(6, image, 16, list, n, sums, 16);
      break;
    case 5:
      accumulate(5, image, 16, list, n, sums, 16);
      break;
    case 4:
      accumulate(4, image, 16, list, n, sums, 16);
      break;
    case 3:
      accumulate(3, image, 16, list, n, sums, 16);
      break;
    case 2:
      accumulate(2, image, 16, list, n, sums, 16);
      break;
    default:
      accumulate(1, image, 16, list, n, sums, 16);
  }
}

/** Sums one vector of each of up to five rows. */
function accumulateColumn(count: i32, image: usize, line: usize, list: usize, n: i32, sums: usize, sumStep: usize): void {
  switch (count) {
    case 5:
      accumulate(5, image, line, list, n, sums, sumStep);
      break;
    case 4:
      accumulate(4, image, line, list, n, sums, sumStep);
      break;
    case 3:
      accumulate(3, image, line, list, n, sums, sumStep);
      break;
    case 2:
      accumulate(2, image, line, list, n, sums, sumStep);
      break;
    default:
      accumulate(1, image, 16, list, n, sums, 16);
  }
}

/** Sums five rows of two vectors, which is a whole 5 × 5 window of one channel. */
function accumulateFiveByTwo(image: usize, line: usize, list: usize, n: i32, sums: usize): void {
  let s00 = v128.load(sums);
  let s01 = v128.load(sums, 16);
  let s10 = v128.load(sums, 32);
  let s11 = v128.load(sums, 48);
  let s20 = v128.load(sums, 64);
  let s21 = v128.load(sums, 80);
  let s30 = v128.load(sums, 96);
  let s31 = v128.load(sums, 112);
  let s40 = v128.load(sums, 128);
  let s41 = v128.load(sums, 144);
  for (const end = list + <usize>n * ENTRY; list < end; list += ENTRY) {
    let at = image + <usize>load<u32>(list);
    const g = v128.load32_splat(list, 8);
    s00 = madd(s00, g, v128.load(at));
    s01 = madd(s01, g, v128.load(at, 16));
    at += line;
    s10 = madd(s10, g, v128.load(at));
    s11 = madd(s11, g, v128.load(at, 16));
    at += line;
    s20 = madd(s20, g, v128.load(at));
    s21 = madd(s21, g, v128.load(at, 16));
    at += line;
    s30 = madd(s30, g, v128.load(at));
    s31 = madd(s31, g, v128.load(at, 16));
    at += line;
    s40 = madd(s40, g, v128.load(at));
    s41 = madd(s41, g, v128.load(at, 16));
  }
  v128.store(sums, s00);
  v128.store(sums, s01, 16);
  v128.store(sums, s10, 32);
  v128.store(sums, s11, 48);
  v128.store(sums, s20, 64);
  v128.store(sums, s21, 80);
  v128.store(sums, s30, 96);
  v128.store(sums, s31, 112);
  v128.store(sums, s40, 128);
  v128.store(sums, s41, 144);
}

/**
 * For each entry of the list (an offset and a gradient g), adds g · image[offset + row] to sums[row]. There are `rows` rows of `vectors`
 * vectors. Rows are `line` bytes apart in the image and contiguous in `sums`. The last vector of a row may extend beyond the row; these
 * sums are not used.
 */
export function sumWindows(image: usize, line: usize, list: usize, n: i32, rows: i32, vectors: i32, sums: usize): void {
  const rowBytes = <usize>vectors << 4;
  if (vectors == 2 && rows == 5) {
    accumulateFiveByTwo(image, line, list, n, sums);
  } else if (vectors <= 2) {
    // Several narrow rows are summed together, because with only a few sums each addition would wait for the previous one.
    for (let row = 0; row < rows; row += 5) {
      const taken = min(5, rows - row);
      for (let i = 0; i < vectors; i++) {
        const skipped = <usize>i << 4;
        accumulateColumn(taken, image + <usize>row * line + skipped, line, list, n, sums + <usize>row * rowBytes + skipped, rowBytes);
      }
    }
  } else {
    for (; rows > 0; rows--) {
      for (let i = 0; i < vectors; i += MOST) {
        accumulateRow(min(MOST, vectors - i), image + (<usize>i << 4), list, n, sums + (<usize>i << 4));
      }
      image += line;
      sums += rowBytes;
    }
  }
}

/** Does the opposite of sumWindows: adds g · weights[row] to image[offset + row] for each entry of the list. */
export function spreadWindows(image: usize, line: usize, list: usize, n: i32, rows: i32, vectors: i32, weights: usize): void {
  for (const end = list + <usize>n * ENTRY; list < end; list += ENTRY) {
    let to = image + <usize>load<u32>(list, 4);
    let from = weights;
    const g = v128.load32_splat(list, 8);
    for (let row = rows; row > 0; row--) {
      let at = to;
      let i = vectors;
      for (; i >= 4; i -= 4) {
        v128.store(at, madd(v128.load(at), g, v128.load(from)));
        v128.store(at, madd(v128.load(at, 16), g, v128.load(from, 16)), 16);
        v128.store(at, madd(v128.load(at, 32), g, v128.load(from, 32)), 32);
        v128.store(at, madd(v128.load(at, 48), g, v128.load(from, 48)), 48);
        at += 64;
        from += 64;
      }
      if (i & 2) {
        v128.store(at, madd(v128.load(at), g, v128.load(from)));
        v128.store(at, madd(v128.load(at, 16), g, v128.load(from, 16)), 16);
        at += 32;
        from += 32;
      }
      if (i & 1) {
        v128.store(at, madd(v128.load(at), g, v128.load(from)));
        from += 16;
      }
      to += line;
    }
  }
}
