// 3 × 3 convolutions of stride 1 without groups by Winograd's algorithm F(4×4, 3×3): 36 products for 16 results, where a direct convolution
// needs 144. For each block of tiles, the input is transformed, one matrix product is computed for each frequency, and the products are
// transformed into results. A result's bits depend only on its tile and not on the block. The gradients are in winogradBackward.ts.
import { ConvSizes } from './definitions.generated';
import { ownScratch } from './memory';
import { setRows } from './rowTile';
import { bringTiles } from './winogradBorders';
import { inputTile } from './winogradInput';
import { FREQUENCIES, planTiles, WinogradPlan } from './winogradPlan';
import { pooledTile, resultTile } from './winogradResult';
import { weightsToFrequencies } from './winogradTransforms';

/** Returns the plan, which follows the sizes in memory. */
// @ts-ignore: decorator
@inline
export function planOf(geometry: usize): WinogradPlan {
  return changetype<WinogradPlan>(geometry + offsetof<ConvSizes>());
}

/** Makes the plan for a purpose: RESULT, GRADIENT_OF_INPUT, or GRADIENTS (of the weight, and of x). */
export function planWinograd(geometry: usize, purpose: i32): void {
  planTiles(changetype<ConvSizes>(geometry), planOf(geometry), purpose);
}

/** Returns the number of blocks of tiles, the units of `winograd`. */
export function winogradBlocks(geometry: usize): i32 {
  return planOf(geometry).blocks;
}

/** Returns the number of blocks of 8 output channels. These are the units of `winogradWeights` and `winogradSumWeights`. */
export function winogradStrips(geometry: usize): i32 {
  return planOf(geometry).strips;
}

/** Returns the number of blocks of 8 input channels. These are the units of `winogradWeights` for turned weights. */
export function winogradTurnedStrips(geometry: usize): i32 {
  return planOf(geometry).channelStrips;
}

/** Returns the bytes of transformed weights. */
export function winogradWeightBytes(geometry: usize): usize {
  return planOf(geometry).weightBytes;
}

/** Returns the bytes of the transformed weights for the gradient of x (turned weights). */
export function winogradTurnedBytes(geometry: usize): usize {
  return planOf(geometry).turnedBytes;
}

/** Returns the bytes of scratch memory of each thread. */
export function winogradOwnBytes(geometry: usize): usize {
  return planOf(geometry).ownBytes;
}

/**
 * Transforms the weights. For each frequency and block of 8 output channels, `transformed` gets a row for each input channel. Turned
 * weights are for the gradient of x: in them, input and output channels change places. Units are blocks of 8 output channels, or of 8 input
 * channels if turned.
 */
export function winogradWeights(weight: usize, transformed: usize, scratch: usize, geometry: usize, isTurned: i32, from: i32, to: i32): void {
  const plan = planOf(geometry);
  const between = ownScratch(scratch, plan.ownBytes);
  const results = isTurned ? plan.channels : plan.results;
  const channels = isTurned ? plan.results : plan.channels;
  const resultStep = <usize>(isTurned ? 9 : 9 * channels) << 2;
  const channelStep = <usize>(isTurned ? 9 * results : 9) << 2;
  const step = isTurned ? plan.turnedStep : plan.weightStep;
  for (let result = from * 8; result < to * 8; result += 4) {
    const lanes = min(4, results - result);
    let at = transformed + <usize>(((result >> 3) * channels * 8) + (result & 4)) * 4;
    for (let channel = 0; channel < channels; channel++) {
      const taps = weight + <usize>result * resultStep + <usize>channel * channelStep;
      for (let i: usize = 0; i < 3; i++) {
        const tap = taps + i * 12;
        weightsToFrequencies(
          gather(tap, resultStep, lanes),
          gather(tap + 4, resultStep, lanes),
          gather(tap + 8, resultStep, lanes),
          between + i * 96,
          16,
        );
      }
      for (let j: usize = 0; j < 6; j++) {
        const column = between + (j << 4);
        weightsToFrequencies(v128.load(column), v128.load(column, 96), v128.load(column, 192), at + j * step, 6 * step);
      }
      at += 32;
    }
  }
}

/** Loads up to four elements that are `step` bytes apart. The other lanes are 0. */
// @ts-ignore: decorator
@inline
function gather(at: usize, step: usize, lanes: i32): v128 {
  let v = f32x4.splat(0);
  if (lanes > 0) v = f32x4.replace_lane(v, 0, load<f32>(at));
  if (lanes > 1) v = f32x4.replace_lane(v, 1, load<f32>(at + step));
  if (lanes > 2) v = f32x4.replace_lane(v, 2, load<f32>(at + 2 * step));
  if (lanes > 3) v = f32x4.replace_lane(v, 3, load<f32>(at + 3 * step));
  return v;
}

/**
 * Computes out = x convolved with the transformed weights, plus bias. A `bias` of 0 means no bias. `isRelu` applies relu to the result. If
 * `indices` is not 0, relu and 2 × 2 max-pooling follow, and `indices` gets the positions of the maxima. Units are blocks of tiles.
 */
export function winograd(
  x: usize,
  transformed: usize,
  bias: usize,
  out: usize,
  indices: usize,
  scratch: usize,
  geometry: usize,
  isRelu: i32,
  from: i32,
  to: i32,
): void {
  const plan = planOf(geometry);
  const inputs = ownScratch(scratch, plan.ownBytes);
  const results = inputs + FREQUENCIES * plan.channelStep;
  const between = results + FREQUENCIES * plan.resultStep;
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  const outPlane = indices == 0 ? plan.outHeight * plan.outWidth : (plan.outHeight >> 1) * (plan.outWidth >> 1);
  const outImage = <usize>(plan.results * outPlane) << 2;
  for (let block = from; block < to; block++) {
    const first = block * plan.blockTiles;
    const tiles = min(plan.blockTiles, plan.tiles - first);
    inputBlock(plan, x, first, tiles, inputs, between);
    for (let f: usize = 0; f < FREQUENCIES; f++) {
      let weights = transformed + f * plan.weightStep;
      const a = inputs + f * plan.channelStep;
      const c = results + f * plan.resultStep;
      for (let strip: usize = 0; strip < <usize>plan.strips; strip++) {
        setRows(tiles, a, plan.channelRow, 4, weights, 32, plan.channels, c + (strip << 5), plan.resultRow);
        weights += <usize>plan.channels << 5;
      }
    }
    for (let i = 0; i < tiles; i++) {
      const image = (first + i) / imageTiles;
      const tile = first + i - image * imageTiles;
      const row = 4 * (tile / plan.tilesAcross);
      const column = 4 * (tile % plan.tilesAcross);
      const at = results + <usize>i * plan.resultRow;
      const skipped = <usize>image * outImage;
      if (indices == 0) resultTile(plan, at, bias, isRelu != 0, out + skipped, row, column, between);
      else pooledTile(plan, at, bias, out + skipped, indices + skipped, row, column, between);
    }
  }
}

/** Transforms a block of the input's tiles. */
export function inputBlock(plan: WinogradPlan, x: usize, first: i32, tiles: i32, to: usize, between: usize): void {
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  const imageBytes = <usize>(plan.channels * plan.height * plan.width) << 2;
  const end = x + <usize>plan.batch * imageBytes;
  for (let i = first; i < first + tiles; i++) {
    const image = i / imageTiles;
    const tile = i - image * imageTiles;
    const row = tile / plan.tilesAcross;
    const column = tile - row * plan.tilesAcross;
    const at = x + <usize>image * imageBytes;
    if (i == first || tile == 0) {
      const left = first + tiles - i;
      store<i32>(between, bringTiles(plan, at, plan.channels, plan.height, plan.width, tile, left, 4, 6, plan.top));
    }
    inputTile(plan, at, 4 * row - plan.top, 4 * column - plan.left, end, to, between);
    to += plan.channelRow;
  }
}
