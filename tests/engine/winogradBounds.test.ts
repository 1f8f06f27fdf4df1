// Tests Winograd's kernels at every size and with any number of threads: they write only to their own memory (see
// ../support/guardedBackend.ts), and their results are close to float64 also at the sizes of real networks.
import { ReferenceBackend, type WasmBackend } from '@trainyard/engine';
import { nodeThreads } from '@trainyard/engine/node';
import { assert, constantFrom, integer, property, record } from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type FloatArray, largestOf, noise, seeds, upTo } from '../support/compareKernels.ts';
import { type ConvGeometry, type ConvSizes, conv3x3 } from '../support/conv3x3.ts';
import { guardedBackend } from '../support/guardedBackend.ts';

type PoolGeometry = Parameters<WasmBackend['conv2dReluPool']>[6];

const poolOf = ({ batch, outChannels, outHeight, outWidth }: ConvGeometry): PoolGeometry => ({
  planes: batch * outChannels,
  height: outHeight,
  width: outWidth,
  kernelHeight: 2,
  kernelWidth: 2,
  strideHeight: 2,
  strideWidth: 2,
  padTop: 0,
  padLeft: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  outHeight: outHeight >> 1,
  outWidth: outWidth >> 1,
});

interface Results {
  readonly [name: string]: FloatArray;
}

/** Calls `compute` with operands and results in an arena, and copies its results. */
function inArena(backend: WasmBackend, compute: (placing: Placing) => Results): Results {
  const mark = backend.enterArena();
  try {
    const result = (length: number): FloatArray => backend.allocate(length).fill(NaN);
    const operand = (values: Float32Array): FloatArray => {
      const placed = result(values.length);
      placed.set(values);
      return placed;
    };
    const results = compute({ result, operand });
    return Object.fromEntries(Object.entries(results).map(([name, values]) => [name, values.slice()]));
  } finally {
    backend.leaveArena(mark);
  }
}

interface Placing {
  result(length: number): FloatArray;
  operand(values: Float32Array): FloatArray;
}

const count = (...lengths: readonly number[]): number => lengths.reduce((product, length) => product * length);

function operandsOf(conv: ConvGeometry, seed: number) {
  const { batch, inChannels, outChannels, height, width, outHeight, outWidth } = conv;
  return {
    x: noise(count(batch, inChannels, height, width), seed),
    weight: noise(count(outChannels, inChannels, 9), seed + 1),
    bias: noise(outChannels, seed + 2),
    g: noise(count(batch, outChannels, outHeight, outWidth), seed + 3),
    // The output of a rectifier. Gradients pass where this output is positive.
    y: noise(count(batch, outChannels, outHeight, outWidth), seed + 4).map((value) => Math.max(0, value)),
  };
}

type Given = ReturnType<typeof operandsOf>;

/** Computes the result with and without a rectifier, and every gradient, alone and together with the others. */
function convolve(backend: WasmBackend, conv: ConvGeometry, given: Given): Results {
  return inArena(backend, (at) => {
    const [x, weight, bias] = [at.operand(given.x), at.operand(given.weight), at.operand(given.bias)];
    const [g, y] = [at.operand(given.g), at.operand(given.y)];
    const results = {
      out: at.result(g.length),
      rectified: at.result(g.length),
      dx: at.result(x.length),
      dw: at.result(weight.length),
      db: at.result(bias.length),
      dxAlone: at.result(x.length),
      dwAlone: at.result(weight.length),
      gatedDx: at.result(x.length),
    };
    backend.conv2d(x, weight, null, results.out, conv);
    backend.conv2dRelu(x, weight, bias, results.rectified, conv);
    backend.conv2dBackward(g, y, x, weight, results.dx, results.dw, results.db, conv);
    backend.conv2dBackwardInput(g, weight, results.dxAlone, conv);
    backend.conv2dBackwardWeight(g, x, results.dwAlone, conv);
    backend.conv2dBackward(g, y, x, weight, results.gatedDx, null, null, conv);
    return results;
  });
}

interface Pooled {
  readonly out: FloatArray;
  readonly indices: Int32Array;
}

/**
 * Computes the result and every gradient of a convolution with rectifier and pooling. The gradients are computed from `pooled`, the result
 * and the positions of the reference. So both backends pass each gradient to the same position.
 */
function pool(backend: WasmBackend, conv: ConvGeometry, given: Given, pooled: Pooled): Results {
  const windows = poolOf(conv);
  return inArena(backend, (at) => {
    const [x, weight, bias] = [at.operand(given.x), at.operand(given.weight), at.operand(given.bias)];
    const size = count(windows.planes, windows.outHeight, windows.outWidth);
    const [g, y, positions] = [at.operand(given.g.slice(0, size)), at.result(size), backend.allocateIndices(size)];
    const results = {
      out: at.result(size),
      dx: at.result(x.length),
      dw: at.result(weight.length),
      db: at.result(bias.length),
    };
    backend.conv2dReluPool(x, weight, bias, results.out, positions, conv, windows);
    y.set(pooled.out);
    positions.set(pooled.indices);
    backend.conv2dReluPoolBackward(g, y, positions, x, weight, results.dx, results.dw, results.db, conv, windows);
    return results;
  });
}

/** Computes on the reference what `convolve` computes on other backends. */
function referenceOf(conv: ConvGeometry, given: Given): Results {
  const [x, weight, bias, g, y] = [given.x, given.weight, given.bias, given.g, given.y].map((values) => new Float64Array(values));
  const [out, dx, dw, db] = [g, x, weight, bias].map(({ length }) => new Float64Array(length));
  const [dxAlone, dwAlone] = [dx.slice(), dw.slice()];
  reference.conv2d(x, weight, null, out, conv);
  const area = conv.outHeight * conv.outWidth;
  const rectified = out.map((value, i) => Math.max(0, value + bias[Math.floor(i / area) % bias.length]));
  reference.conv2dBackward(g, y, x, weight, dx, dw, db, conv);
  reference.conv2dBackwardInput(g, weight, dxAlone, conv);
  reference.conv2dBackwardWeight(g, x, dwAlone, conv);
  return { out, rectified, dx, dw, db, dxAlone, dwAlone, gatedDx: dx };
}

/** Returns the pooled result and the positions of its maxima. */
function pooledOf(conv: ConvGeometry, rectified: FloatArray): Pooled {
  const windows = poolOf(conv);
  const size = count(windows.planes, windows.outHeight, windows.outWidth);
  const pooled = { out: new Float64Array(size), indices: new Int32Array(size) };
  reference.maxPool2d(rectified, pooled.out, pooled.indices, windows);
  return pooled;
}

/** Computes on the reference what `pool` computes on other backends. */
function referencePoolOf(conv: ConvGeometry, given: Given, out: FloatArray, pooled: Pooled): Results {
  const [x, weight, bias, g] = [given.x, given.weight, given.bias, given.g].map((values) => new Float64Array(values));
  const [dx, dw, db] = [x, weight, bias].map(({ length }) => new Float64Array(length));
  const { out: y, indices } = pooled;
  reference.conv2dReluPoolBackward(g.subarray(0, y.length), y, indices, x, weight, dx, dw, db, conv, poolOf(conv));
  return { out, dx, dw, db };
}

/** The results of the reference, and for each result the sum of its terms' magnitudes. Rounding errors are proportional to these sums. */
interface Expected {
  readonly values: Results;
  readonly magnitudes: Results;
}

function expectNear(actual: Results, { values, magnitudes }: Expected): void {
  for (const [name, wanted] of Object.entries(values)) {
    let error = 0;
    for (let i = 0; i < wanted.length; i++) {
      const difference = Math.abs(actual[name][i] - wanted[i]);
      error = difference <= error ? error : difference;
    }
    const bound = TOLERANCE * largestOf(magnitudes[name]);
    if (!(error <= bound)) expect.fail(`the error of ${name} is ${error}, more than ${bound}`);
  }
}

/** The tolerance. Winograd's algorithm rounds more often than a direct sum. */
const TOLERANCE = 6e-6;

const reference = new ReferenceBackend({ dtype: 'float64' });
const options = { convVariant: 'winograd', pooled: { forward: 'winograd', backward: 'winograd' } } as const;
const teams = [1, 2, 3].map((threads) => guardedBackend({ ...options, ...(threads > 1 && { threads: nodeThreads(threads) }) }));
afterAll(() => Promise.all(teams.map((team) => team.close())));

function check(sizes: ConvSizes, seed: number): void {
  const conv = conv3x3(sizes);
  const given = operandsOf(conv, seed);
  const { x, weight, bias, g, y } = given;
  const magnitudes = { x: x.map(Math.abs), weight: weight.map(Math.abs), bias: bias.map(Math.abs), g: g.map(Math.abs), y };
  const expected = { values: referenceOf(conv, given), magnitudes: referenceOf(conv, magnitudes) };
  for (const backend of teams) expectNear(convolve(backend, conv, given), expected);
  if (conv.outHeight === 1 || conv.outWidth === 1) return;
  const pooled = pooledOf(conv, expected.values['rectified']);
  const largest = pooledOf(conv, expected.magnitudes['rectified']);
  const expectedPooled = {
    values: referencePoolOf(conv, given, pooled.out, pooled),
    magnitudes: referencePoolOf(conv, magnitudes, largest.out, pooled),
  };
  for (const backend of teams) expectNear(pool(backend, conv, given, pooled), expectedPooled);
}

const channels = constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 33, 65);
const anySizes = record({
  batch: upTo(7),
  inChannels: channels,
  outChannels: channels,
  height: upTo(14),
  width: upTo(14),
  padTop: integer({ min: 0, max: 2 }),
  padLeft: integer({ min: 0, max: 2 }),
});
/** Returns whether the convolution is small enough for the slow reference. The named cases below also contain large convolutions. */
const isSmall = ({ batch, inChannels, outChannels, height, width }: ConvSizes): boolean =>
  batch * inChannels * outChannels * height * width <= 250_000;
const fits = ({ height, width, padTop, padLeft }: ConvSizes): boolean => height + 2 * padTop > 2 && width + 2 * padLeft > 2;

describe("Winograd's kernels, with 1, 2 and 3 threads,", () => {
  test('write only to their memory at every size from 1 to 6 and every padding', () => {
    for (const [batch, inChannels, outChannels] of [
      [1, 1, 1],
      [2, 5, 3],
      [3, 3, 9],
    ]) {
      for (let at = 0; at < 6 * 6 * 9; at++) {
        const sizes = {
          height: 1 + (at % 6),
          width: 1 + (Math.floor(at / 6) % 6),
          padTop: Math.floor(at / 36) % 3,
          padLeft: Math.floor(at / 108),
        };
        if (fits({ batch, inChannels, outChannels, ...sizes })) check({ batch, inChannels, outChannels, ...sizes }, at + 1);
      }
    }
  });

  test('write only to their memory at any number of channels and images', () => {
    assert(
      property(
        anySizes.filter((sizes) => fits(sizes) && isSmall(sizes)),
        seeds,
        (sizes, seed) => check(sizes, seed),
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ['many blocks of tiles', { batch: 2, inChannels: 33, outChannels: 20, height: 31, width: 38, padTop: 1, padLeft: 1 }],
    ['parts of the batch', { batch: 35, inChannels: 5, outChannels: 9, height: 15, width: 16, padTop: 2, padLeft: 0 }],
    ['a wide image', { batch: 1, inChannels: 6, outChannels: 31, height: 9, width: 301, padTop: 0, padLeft: 2 }],
    ['channels as in VGG', { batch: 2, inChannels: 64, outChannels: 48, height: 10, width: 10, padTop: 1, padLeft: 1 }],
    ['many channels', { batch: 1, inChannels: 256, outChannels: 24, height: 8, width: 8, padTop: 1, padLeft: 1 }],
    ['many filters', { batch: 1, inChannels: 24, outChannels: 136, height: 8, width: 8, padTop: 1, padLeft: 1 }],
  ] as const)('write only to their memory and are close to float64 with %s', (_, sizes) => check(sizes, 3));
});
