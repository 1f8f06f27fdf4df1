// 3 × 3 convolutions of stride 1 without groups, and their gradients, by Winograd's algorithm F(4×4, 3×3): 36 products for
// 16 results, where a direct convolution takes 144. Per block of tiles: the input's transform, one matrix product a
// frequency, the results' transform. A result's bits follow from its tile alone, whatever block it is worked on in.
import { ConvSizes } from './convPlan';
import { ownScratch, storeUpTo4 } from './memory';
import { addRows, setRows } from './rowTile';
import { FREQUENCIES, GRADIENT_OF_INPUT, planTiles, WinogradPlan } from './winogradPlan';
import { gradientTile, inputTile, resultTile } from './winogradTiles';
import { frequenciesToWeights, weightsToFrequencies } from './winogradTransforms';

/** The plan lies behind the sizes. */
// @ts-ignore: decorator
@inline
function planOf(geometry: usize): WinogradPlan {
  return changetype<WinogradPlan>(geometry + offsetof<ConvSizes>());
}

/** Plans the result (`purpose` 0), the gradient of x (1) or that of the weight (2). */
export function planWinograd(geometry: usize, purpose: i32): void {
  planTiles(changetype<ConvSizes>(geometry), planOf(geometry), purpose);
}

/** Blocks of tiles, the units of `winograd`. */
export function winogradBlocks(geometry: usize): i32 {
  return planOf(geometry).blocks;
}

/** Blocks of 8 results, the units of `winogradWeights` and `winogradSumWeights`. */
export function winogradStrips(geometry: usize): i32 {
  return planOf(geometry).strips;
}

/** Parts of the weight's gradient, the units of `winogradBackwardWeight`. */
export function winogradParts(geometry: usize): i32 {
  return planOf(geometry).parts;
}

/** Bytes of transformed weights. */
export function winogradWeightBytes(geometry: usize): usize {
  return planOf(geometry).weightBytes;
}

/** Bytes of one part of the gradients of the weight and the bias. */
export function winogradPartBytes(geometry: usize): usize {
  return planOf(geometry).partBytes;
}

/** Bytes of scratch memory for each thread. */
export function winogradOwnBytes(geometry: usize): usize {
  return planOf(geometry).ownBytes;
}

/** The weights' transform, for `winograd`; for the gradient of x they are turned around. Units are blocks of 8 results. */
export function winogradWeights(weight: usize, transformed: usize, scratch: usize, geometry: usize, purpose: i32, from: i32, to: i32): void {
  const isBackward = purpose == GRADIENT_OF_INPUT;
  const plan = planOf(geometry);
  const between = ownScratch(scratch, plan.ownBytes);
  const resultStep = <usize>(isBackward ? 9 : 9 * plan.channels) << 2;
  const channelStep = <usize>(isBackward ? 9 * plan.results : 9) << 2;
  for (let result = from * 8; result < to * 8; result += 4) {
    const lanes = min(4, plan.results - result);
    let at = transformed + <usize>(((result >> 3) * plan.channels * 8) + (result & 4)) * 4;
    for (let channel = 0; channel < plan.channels; channel++) {
      const taps = weight + <usize>result * resultStep + <usize>channel * channelStep;
      for (let i = 0; i < 3; i++) {
        const tap = isBackward ? 8 - 3 * i : 3 * i;
        const next = isBackward ? -1 : 1;
        weightsToFrequencies(
          gather(taps + (<usize>tap << 2), resultStep, lanes),
          gather(taps + (<usize>(tap + next) << 2), resultStep, lanes),
          gather(taps + (<usize>(tap + 2 * next) << 2), resultStep, lanes),
          between + <usize>i * 96,
          16,
        );
      }
      for (let j: usize = 0; j < 6; j++) {
        const column = between + (j << 4);
        weightsToFrequencies(v128.load(column), v128.load(column, 96), v128.load(column, 192), at + j * plan.weightStep, 6 * plan.weightStep);
      }
      at += 32;
    }
  }
}

/** Up to four elements `step` bytes apart; the others are 0. */
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
 * out = x convolved with the transformed weights, plus bias (0 for none), and relu if asked for. With `passed`, a rectifier's
 * result, only those elements of x count that it let through. Units are blocks of tiles.
 */
export function winograd(
  x: usize,
  passed: usize,
  transformed: usize,
  bias: usize,
  out: usize,
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
  const outImage = <usize>(plan.results * plan.outHeight * plan.outWidth) << 2;
  for (let block = from; block < to; block++) {
    const first = block * plan.blockTiles;
    const tiles = min(plan.blockTiles, plan.tiles - first);
    inputBlock(plan, x, passed == 0 ? 0 : passed - x, first, tiles, inputs, between);
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
      const row = tile / plan.tilesAcross;
      const column = tile - row * plan.tilesAcross;
      resultTile(
        plan,
        results + <usize>i * plan.resultRow,
        bias,
        isRelu != 0,
        out + <usize>image * outImage,
        4 * row,
        4 * column,
        between,
      );
    }
  }
}

/** The transform of a block of the input's tiles. */
function inputBlock(plan: WinogradPlan, x: usize, gate: usize, first: i32, tiles: i32, to: usize, between: usize): void {
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  const imageBytes = <usize>(plan.channels * plan.height * plan.width) << 2;
  const end = x + <usize>plan.batch * imageBytes;
  for (let i = first; i < first + tiles; i++) {
    const image = i / imageTiles;
    const tile = i - image * imageTiles;
    const row = tile / plan.tilesAcross;
    const column = tile - row * plan.tilesAcross;
    inputTile(plan, x + <usize>image * imageBytes, gate, 4 * row - plan.top, 4 * column - plan.left, end, to, between);
    to += plan.channelRow;
  }
}

/**
 * The transformed gradient of the weight and the gradient of the bias, in parts that `winogradSumWeights` adds up: each part is
 * the sum over its share of the tiles. `passed` is as winograd's, for g. Units are parts.
 */
export function winogradBackwardWeight(
  g: usize,
  passed: usize,
  x: usize,
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
  for (let part = from; part < to; part++) {
    const partSums = sums + <usize>part * plan.partBytes;
    const biasSums = partSums + plan.weightBytes;
    memory.fill(biasSums, 0, plan.resultRow);
    const start = (plan.tiles * part) / plan.parts;
    const end = (plan.tiles * (part + 1)) / plan.parts;
    for (let first = start; first < end; first += plan.blockTiles) {
      const tiles = min(plan.blockTiles, end - first);
      inputBlock(plan, x, 0, first, tiles, inputs, between);
      gradientBlock(plan, g, passed == 0 ? 0 : passed - g, first, tiles, gradients, biasSums, between);
      for (let f: usize = 0; f < FREQUENCIES; f++) {
        const a = inputs + f * plan.channelStep;
        const b = gradients + f * plan.resultStep;
        const c = partSums + f * plan.weightStep;
        for (let strip: usize = 0; strip < <usize>plan.strips; strip++) {
          const at = strip << 5;
          if (first == start) setRows(plan.channels, a, 4, plan.channelRow, b + at, plan.resultRow, tiles, c + at, plan.resultRow);
          else addRows(plan.channels, a, 4, plan.channelRow, b + at, plan.resultRow, tiles, c + at, plan.resultRow);
        }
      }
    }
  }
}

/** The transform of a block of tiles of the results' gradient. */
function gradientBlock(
  plan: WinogradPlan,
  g: usize,
  gate: usize,
  first: i32,
  tiles: i32,
  to: usize,
  biasSums: usize,
  between: usize,
): void {
  const imageTiles = plan.tilesDown * plan.tilesAcross;
  const imageBytes = <usize>(plan.results * plan.outHeight * plan.outWidth) << 2;
  const end = g + <usize>plan.batch * imageBytes;
  for (let i = first; i < first + tiles; i++) {
    const image = i / imageTiles;
    const tile = i - image * imageTiles;
    const row = tile / plan.tilesAcross;
    const column = tile - row * plan.tilesAcross;
    gradientTile(plan, g + <usize>image * imageBytes, gate, 4 * row, 4 * column, end, to, biasSums, between);
    to += plan.resultRow;
  }
}

/** dw and db (0 for none): the parts added up in their order, dw's then transformed back. Units are blocks of 8 results. */
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
