// The gradients of 3 × 3 convolutions by Winograd's algorithm, with the transposed transforms of the forward pass. For each block of tiles,
// the results' gradient is transformed once for both gradients. For the weight's gradient, it is multiplied with the transformed input, one
// matrix product for each frequency. For the input's gradient, it is multiplied with the transformed weights, and the resulting 6 × 6 tiles
// are added where they overlap.
import { ownScratch, storeUpTo4 } from './memory';
import { addRows, setRows } from './rowTile';
import { inputBlock, planOf } from './winograd';
import { bringTiles } from './winogradBorders';
import { gradientTile, pooledGradientTile } from './winogradGradient';
import { inputGradientTile } from './winogradInputGradient';
import { FREQUENCIES, WinogradPlan } from './winogradPlan';
import { frequenciesToWeights } from './winogradTransforms';

/** Returns the number of parts (runs of images), the units of `winogradBackward`. */
export function winogradParts(geometry: usize): i32 {
  return planOf(geometry).parts;
}

/** Returns the bytes of one part's gradients of the weight and the bias. */
export function winogradPartBytes(geometry: usize): usize {
  return planOf(geometry).partBytes;
}

/**
 * Computes dx from the turned, transformed weights. Also computes `sums`: each part's transformed gradient of the weight and its gradient
 * of the bias, which `winogradSumWeights` adds up. If the address `dx` or `sums` is 0, it is not computed.
 *
 * `passed` is relu's result, or 0 if there is no relu; where relu's result is 0, g counts as 0. `indices` has the positions of the maxima
 * if 2 × 2 max-pooling follows, or is 0; with pooling, g and `passed` have one element for each window. Units are parts.
 */
export function winogradBackward(
  g: usize,
  passed: usize,
  indices: usize,
  x: usize,
  turned: usize,
  dx: usize,
  sums: usize,
  scratch: usize,
  geometry: usize,
  from: i32,
  to: i32,
): void {
  const plan = planOf(geometry);
  const inputs = ownScratch(scratch, plan.ownBytes);
  const gradients = inputs + FREQUENCIES * plan.channelStep;
  const between = gradients + FREQUENCIES * plan.resultStep;
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  for (let part = from; part < to; part++) {
    const partSums = sums + <usize>part * plan.partBytes;
    const biasSums = sums == 0 ? between + FREQUENCIES * 16 : partSums + plan.weightBytes;
    memory.fill(biasSums, 0, plan.resultRow);
    const start = ((plan.batch * part) / plan.parts) * imageTiles;
    const end = ((plan.batch * (part + 1)) / plan.parts) * imageTiles;
    for (let first = start; first < end; first += plan.blockTiles) {
      const tiles = min(plan.blockTiles, end - first);
      gradientBlock(plan, g, passed, indices, first, tiles, gradients, biasSums, between);
      if (sums != 0) inputBlock(plan, x, first, tiles, inputs, between);
      for (let f: usize = 0; f < FREQUENCIES; f++) {
        const ofX = inputs + f * plan.channelStep;
        const ofG = gradients + f * plan.resultStep;
        if (sums != 0) addProduct(plan, first == start, ofX, ofG, tiles, partSums + f * plan.weightStep);
        // The transformed input is not needed any more, so the transformed gradient of x overwrites it.
        if (dx != 0) inputProduct(plan, ofG, turned + f * plan.turnedStep, tiles, ofX);
      }
      if (dx != 0) inputGradientBlock(plan, inputs, dx, first, tiles, between);
    }
  }
}

/** Computes the weight's gradient at one frequency: Σ x · g over the tiles. */
// @ts-ignore: decorator
@inline
function addProduct(plan: WinogradPlan, isFirst: bool, x: usize, g: usize, tiles: i32, to: usize): void {
  for (let strip: i32 = 0; strip < plan.strips; strip++) {
    if (isFirst) setRows(plan.channels, x, 4, plan.channelRow, g, plan.resultRow, tiles, to, plan.resultRow);
    else addRows(plan.channels, x, 4, plan.channelRow, g, plan.resultRow, tiles, to, plan.resultRow);
    g += 32;
    to += 32;
  }
}

/** Computes the gradient of x at one frequency: Σ g · weight over the results. */
// @ts-ignore: decorator
@inline
function inputProduct(plan: WinogradPlan, g: usize, turned: usize, tiles: i32, to: usize): void {
  for (let strip: i32 = 0; strip < plan.channelStrips; strip++) {
    setRows(tiles, g, plan.resultRow, 4, turned, 32, plan.results, to, plan.channelRow);
    turned += <usize>plan.results << 5;
    to += 32;
  }
}

/** Transforms a block of tiles of the results' gradient. */
function gradientBlock(
  plan: WinogradPlan,
  g: usize,
  passed: usize,
  indices: usize,
  first: i32,
  tiles: i32,
  to: usize,
  biasSums: usize,
  between: usize,
): void {
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  // With pooling, a tile has two rows of windows.
  const rows = indices == 0 ? 4 : 2;
  const height = indices == 0 ? plan.outHeight : plan.outHeight >> 1;
  const width = indices == 0 ? plan.outWidth : plan.outWidth >> 1;
  const imageBytes = <usize>(plan.results * height * width) << 2;
  const end = g + <usize>plan.batch * imageBytes;
  for (let i = first; i < first + tiles; i++) {
    const image = i / imageTiles;
    const tile = i - image * imageTiles;
    const row = 4 * (tile / plan.tilesAcross);
    const column = 4 * (tile % plan.tilesAcross);
    const skipped = <usize>image * imageBytes;
    const at = g + skipped;
    if (i == first || tile == 0) {
      const left = first + tiles - i;
      let all = bringTiles(plan, at, plan.results, height, width, tile, left, rows, rows, 0);
      if (passed != 0) all |= bringTiles(plan, passed + skipped, plan.results, height, width, tile, left, rows, rows, 0);
      if (indices != 0) all |= bringTiles(plan, indices + skipped, plan.results, height, width, tile, left, rows, rows, 0);
      store<i32>(between, all);
    }
    if (indices == 0) gradientTile(plan, at, passed == 0 ? 0 : passed - g, row, column, end, to, biasSums, between);
    else pooledGradientTile(plan, at, passed - g, indices - g, row, column, to, biasSums, between);
    to += plan.resultRow;
  }
}

/**
 * Computes the input's gradient for a block of tiles. Blocks must be passed in order, because a block's last tiles overlap the next block.
 */
function inputGradientBlock(plan: WinogradPlan, from: usize, dx: usize, first: i32, tiles: i32, between: usize): void {
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  const imageBytes = <usize>(plan.channels * plan.height * plan.width) << 2;
  const across = between + FREQUENCIES * 16 + plan.resultRow;
  const down = across + plan.channelRow * 12;
  for (let i = first; i < first + tiles; i++) {
    const image = i / imageTiles;
    const tile = i - image * imageTiles;
    const row = tile / plan.tilesAcross;
    const column = tile - row * plan.tilesAcross;
    if (tile == 0) memory.fill(down, 0, <usize>plan.tilesAcross * plan.channelRow * 12);
    const ofColumn = down + <usize>column * plan.channelRow * 12;
    inputGradientTile(plan, from, dx + <usize>image * imageBytes, 4 * row - plan.top, 4 * column - plan.left, ofColumn, across, between);
    from += plan.channelRow;
  }
}

/**
 * Computes dw and db: adds the sums of all parts in order, then transforms dw back. If the address `dw` or `db` is 0, that gradient is not
 * computed. Units are blocks of 8 output channels.
 */
export function winogradSumWeights(sums: usize, dw: usize, db: usize, scratch: usize, geometry: usize, from: i32, to: i32): void {
  const plan = planOf(geometry);
  const between = ownScratch(scratch, plan.ownBytes);
  for (let result = from * 8; result < min(to * 8, plan.results); result += 4) {
    const lanes = min(4, plan.results - result);
    const shift = <usize>result << 2;
    if (db != 0) storeUpTo4(db + shift, sumOfParts(plan, sums + plan.weightBytes + shift), lanes);
    for (let channel = 0; channel < plan.channels; channel++) {
      const at = sums + <usize>channel * plan.resultRow + (<usize>result << 2);
      for (let j: usize = 0; j < 6; j++) {
        frequenciesToWeights(
          sumOfParts(plan, at + j * plan.weightStep),
          sumOfParts(plan, at + (j + 6) * plan.weightStep),
          sumOfParts(plan, at + (j + 12) * plan.weightStep),
          sumOfParts(plan, at + (j + 18) * plan.weightStep),
          sumOfParts(plan, at + (j + 24) * plan.weightStep),
          sumOfParts(plan, at + (j + 30) * plan.weightStep),
          between + (j << 4),
          96,
        );
      }
      for (let i: usize = 0; i < 3; i++) {
        const row = between + i * 96;
        frequenciesToWeights(
          v128.load(row),
          v128.load(row, 16),
          v128.load(row, 32),
          v128.load(row, 48),
          v128.load(row, 64),
          v128.load(row, 80),
          row,
          16,
        );
      }
      for (let lane = 0; lane < lanes; lane++) {
        let tap = dw + (<usize>(((result + lane) * plan.channels + channel) * 9) << 2);
        for (let i: usize = 0; i < 3; i++) {
          const row = between + i * 96 + (<usize>lane << 2);
          store<f32>(tap, load<f32>(row));
          store<f32>(tap, load<f32>(row, 16), 4);
          store<f32>(tap, load<f32>(row, 32), 8);
          tap += 12;
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function sumOfParts(plan: WinogradPlan, at: usize): v128 {
  let sum = v128.load(at);
  for (let part = 1; part < plan.parts; part++) {
    at += plan.partBytes;
    sum = f32x4.add(sum, v128.load(at));
  }
  return sum;
}
