// Linear maps along the height and the width of planes. Average pooling, adaptive pooling and resizing have this form. Their gradients have
// it too, with transposed bands. The bands of a side have, for each output, the index of its first input and of its first weight, and the
// weights of all outputs. One more entry marks the end of the last output's weights.

import { ownScratch } from './memory';

/** Computes one line of the plane: the weighted sum of `count` rows of the length `width`. */
// @ts-ignore: decorator
@inline
function sumRows(x: usize, stride: usize, weights: usize, count: i32, line: usize, width: i32): void {
  let column = 0;
  for (; column + 4 <= width; column += 4) {
    let from = x + (<usize>column << 2);
    let sum = f32x4.splat(0);
    for (let i = 0; i < count; i++) {
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(weights + (<usize>i << 2)), v128.load(from)));
      from += stride;
    }
    v128.store(line + (<usize>column << 2), sum);
  }
  for (; column < width; column++) {
    let from = x + (<usize>column << 2);
    let sum: f32 = 0;
    for (let i = 0; i < count; i++) {
      sum += load<f32>(weights + (<usize>i << 2)) * load<f32>(from);
      from += stride;
    }
    store<f32>(line + (<usize>column << 2), sum);
  }
}

// @ts-ignore: decorator
@inline
function dot(x: usize, weights: usize, count: i32): f32 {
  let total: f32 = 0;
  if (count >= 4) {
    let sum = f32x4.splat(0);
    for (; count >= 4; count -= 4) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(x), v128.load(weights)));
      x += 16;
      weights += 16;
    }
    total = f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
  }
  for (; count > 0; count--) {
    total += load<f32>(x) * load<f32>(weights);
    x += 4;
    weights += 4;
  }
  return total;
}

/**
 * Computes out[plane, i, j], the weighted sum of the elements of x[plane] in band i of the rows and band j of the columns. `line` has
 * memory for one input row of each thread. Units are planes.
 */
export function resample2d(
  x: usize,
  out: usize,
  height: i32,
  outHeight: i32,
  rowStarts: usize,
  rowOffsets: usize,
  rowWeights: usize,
  width: i32,
  outWidth: i32,
  columnStarts: usize,
  columnOffsets: usize,
  columnWeights: usize,
  line: usize,
  from: i32,
  to: i32,
): void {
  const stride = <usize>width << 2;
  line = ownScratch(line, stride);
  x += <usize>from * <usize>height * stride;
  out += <usize>(from * outHeight * outWidth) << 2;
  for (let plane = from; plane < to; plane++) {
    for (let i = 0; i < outHeight; i++) {
      const at = <usize>i << 2;
      const first = load<i32>(rowOffsets + at);
      const count = load<i32>(rowOffsets + at, 4) - first;
      const weights = rowWeights + (<usize>first << 2);
      const rows = x + <usize>load<i32>(rowStarts + at) * stride;
      const isRow = count == 1 && load<f32>(weights) == 1;
      if (!isRow) sumRows(rows, stride, weights, count, line, width);
      const taken = isRow ? rows : line;
      for (let j = 0; j < outWidth; j++) {
        const band = <usize>j << 2;
        const begin = load<i32>(columnOffsets + band);
        const length = load<i32>(columnOffsets + band, 4) - begin;
        store<f32>(
          out,
          dot(taken + (<usize>load<i32>(columnStarts + band) << 2), columnWeights + (<usize>begin << 2), length),
        );
        out += 4;
      }
    }
    x += <usize>height * stride;
  }
}
