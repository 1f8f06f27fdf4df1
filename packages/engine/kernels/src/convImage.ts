// Makes the image of repeated elements that convolutions read, one band of rows of one block of channels at a time. Also lists the offsets
// of terms and results in the image.
import { ConvPlan } from './convPlan';

/**
 * Clears a thread's whole image once. Later only the input's columns are written, so the padding beside them stays 0. Marks the list of
 * terms as empty.
 */
export function clearImage(plan: ConvPlan, scratch: usize): void {
  memory.fill(scratch + plan.image, 0, <usize>plan.blockChannels * plan.planeBytes);
  store<i32>(scratch + plan.listed, 0);
}

/**
 * Fills the image's lines for the results from row `firstRow` on, from `channels` planes of `x`. If `clears`, lines above and below the
 * input are set to 0; pass false only if these lines are never read.
 */
export function makeImage(plan: ConvPlan, x: usize, channels: i32, firstRow: i32, image: usize, clears: bool): void {
  const stretch = plan.stretchHeight;
  const firstLine = firstRow * plan.strideHeight - plan.top;
  const inputLine = <usize>plan.width << 2;
  for (let c = 0; c < channels; c++) {
    let line = image + <usize>c * plan.planeBytes;
    for (let i = firstLine; i < firstLine + plan.imageRows; i++) {
      let row = i;
      if (stretch != 1) {
        row = i / stretch;
        if (row * stretch != i) row = -1;
      }
      if (<u32>row < <u32>plan.height) makeLine(plan, x + <usize>row * inputLine, line);
      else if (clears || stretch != 1) memory.fill(line, 0, plan.lineBytes);
      line += plan.lineBytes;
    }
    x += <usize>plan.height * inputLine;
  }
}

// @ts-ignore: decorator
@inline
function makeLine(plan: ConvPlan, x: usize, line: usize): void {
  const end = plan.columns * plan.strideWidth;
  if (plan.strideWidth == 1 && plan.stretchWidth == 1) {
    const first = max(0, plan.left);
    repeat(x + (<usize>(first - plan.left) << 2), line + (<usize>first << 4), min(end, plan.left + plan.width) - first);
    return;
  }
  for (let position = plan.left; position < end && position < plan.left + plan.width * plan.stretchWidth; position += plan.stretchWidth) {
    if (position >= 0) v128.store(line + slotOf(plan, position), v128.load32_splat(x));
    x += 4;
  }
}

/** Copies `n` elements and repeats each to fill a vector. */
// @ts-ignore: decorator
@inline
function repeat(x: usize, to: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    v128.store(to, v128.load32_splat(x));
    v128.store(to, v128.load32_splat(x, 4), 16);
    v128.store(to, v128.load32_splat(x, 8), 32);
    v128.store(to, v128.load32_splat(x, 12), 48);
    x += 16;
    to += 64;
  }
  for (; n > 0; n--) {
    v128.store(to, v128.load32_splat(x));
    x += 4;
    to += 16;
  }
}

/** Returns the offset of a column in bytes from the start of a line of the image. */
// @ts-ignore: decorator
@inline
function slotOf(plan: ConvPlan, column: i32): usize {
  return <usize>((column % plan.strideWidth) * plan.columns + column / plan.strideWidth) << 4;
}

/**
 * Lists where the terms of a result are in the image: their offsets from the result's first column, by kernel row, then channel, then
 * kernel column. Does nothing if the list is already there.
 */
export function listTerms(plan: ConvPlan, channels: i32, scratch: usize): void {
  if (load<i32>(scratch + plan.listed) == channels) return;
  store<i32>(scratch + plan.listed, channels);
  let offsets = scratch + plan.offsets;
  for (let kh = 0; kh < plan.kernelHeight; kh++) {
    for (let c = 0; c < channels; c++) {
      const start = <usize>c * plan.planeBytes + <usize>(kh * plan.dilationHeight) * plan.lineBytes;
      for (let kw = 0; kw < plan.kernelWidth; kw++) {
        store<u32>(offsets, <u32>(start + slotOf(plan, kw * plan.dilationWidth)));
        offsets += 4;
      }
    }
  }
}

/** Lists where the results of a band begin in the image: their offsets from the band's first result. */
export function listResults(plan: ConvPlan, positions: usize): void {
  for (let row = 0; row < plan.bandRows; row++) {
    const line = <usize>(row * plan.strideHeight) * plan.lineBytes;
    for (let column = 0; column < plan.outWidth; column++) {
      store<u32>(positions, <u32>(line + (<usize>column << 4)));
      positions += 4;
    }
  }
}
