// Compares the wasm kernels for matrix products, convolutions and pooling with the plain loops of the reference, for random sizes and for
// sizes that are split into blocks.
import type { Backend } from '@trainyard/engine';
import { type Arbitrary, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kernelModules } from '../support/backends.ts';
import { compare, compareSums, type FloatArray, type Kernel, noise, type Place, places, seeds, upTo } from '../support/compareKernels.ts';
import { expectSame } from '../support/expectSame.ts';
import { guardedBackend } from '../support/guardedBackend.ts';

type ConvGeometry = Parameters<Backend['conv2d']>[4];
type PoolGeometry = Parameters<Backend['maxPool2d']>[3];
type Sizes<T> = T extends Arbitrary<infer Value> ? Value : never;

const convolutions: Arbitrary<ConvGeometry> = record({
  batch: upTo(3),
  channels: upTo(5),
  perGroup: upTo(11),
  groups: constantFrom(1, 1, 2, 3),
  outHeight: upTo(7),
  outWidth: upTo(13),
  kernelHeight: upTo(4),
  kernelWidth: upTo(5),
  strideHeight: constantFrom(1, 1, 2, 3),
  strideWidth: constantFrom(1, 1, 2, 3),
  dilationHeight: constantFrom(1, 1, 2),
  dilationWidth: constantFrom(1, 1, 2),
  padTop: integer({ min: 0, max: 3 }),
  padLeft: integer({ min: 0, max: 3 }),
  spareHeight: integer({ min: 0, max: 2 }),
  spareWidth: integer({ min: 0, max: 2 }),
}).map(({ channels, perGroup, spareHeight, spareWidth, ...sizes }) => ({
  ...sizes,
  inChannels: channels * sizes.groups,
  outChannels: perGroup * sizes.groups,
  height: inputLength(sizes.outHeight, sizes.kernelHeight, sizes.strideHeight, sizes.dilationHeight, sizes.padTop, spareHeight),
  width: inputLength(sizes.outWidth, sizes.kernelWidth, sizes.strideWidth, sizes.dilationWidth, sizes.padLeft, spareWidth),
}));

/** Returns the length for which a window gives `out` results with `pad` zeros on each side. No window reaches the last `spare` elements. */
function inputLength(out: number, kernel: number, stride: number, dilation: number, pad: number, spare: number): number {
  return Math.max(1, (out - 1) * stride + dilation * (kernel - 1) + 1 - 2 * pad + Math.min(spare, stride - 1));
}

const convSizes = (g: ConvGeometry): { x: number; weight: number; out: number } => ({
  x: g.batch * g.inChannels * g.height * g.width,
  weight: g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth,
  out: g.batch * g.outChannels * g.outHeight * g.outWidth,
});

/** The sizes of LeNet and small VGGs, and sizes that are split into bands and blocks of channels. */
const conv = (sizes: Partial<ConvGeometry>): ConvGeometry => ({
  batch: 2,
  inChannels: 1,
  height: 32,
  width: 32,
  outChannels: 6,
  kernelHeight: 5,
  kernelWidth: 5,
  strideHeight: 1,
  strideWidth: 1,
  padTop: 0,
  padLeft: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
  outHeight: 28,
  outWidth: 28,
  ...sizes,
});
const namedConvolutions: readonly (readonly [string, ConvGeometry])[] = [
  ["LeNet's first", conv({})],
  ["LeNet's second", conv({ inChannels: 6, height: 14, width: 14, outChannels: 16, outHeight: 10, outWidth: 10 })],
  [
    'many channels in blocks',
    conv({
      inChannels: 70,
      height: 9,
      width: 9,
      outChannels: 33,
      kernelHeight: 3,
      kernelWidth: 3,
      padTop: 1,
      padLeft: 1,
      outHeight: 9,
      outWidth: 9,
    }),
  ],
  [
    'a large image in bands',
    conv({
      batch: 1,
      inChannels: 20,
      height: 90,
      width: 90,
      kernelHeight: 3,
      kernelWidth: 3,
      padTop: 1,
      padLeft: 1,
      outHeight: 90,
      outWidth: 90,
    }),
  ],
  [
    'a large image in bands, strided',
    conv({
      batch: 1,
      inChannels: 3,
      height: 99,
      width: 99,
      strideHeight: 2,
      strideWidth: 2,
      padTop: 2,
      padLeft: 2,
      outHeight: 50,
      outWidth: 50,
    }),
  ],
  [
    'depthwise',
    conv({
      inChannels: 16,
      height: 12,
      width: 12,
      outChannels: 16,
      kernelHeight: 3,
      kernelWidth: 3,
      groups: 16,
      outHeight: 10,
      outWidth: 10,
    }),
  ],
  ['1 × 1', conv({ inChannels: 24, height: 7, width: 7, outChannels: 40, kernelHeight: 1, kernelWidth: 1, outHeight: 7, outWidth: 7 })],
];

const pools: Arbitrary<PoolGeometry> = record({
  planes: upTo(4),
  outHeight: upTo(6),
  outWidth: upTo(19),
  kernelHeight: upTo(3),
  kernelWidth: upTo(3),
  strideHeight: upTo(3),
  strideWidth: upTo(3),
  dilationHeight: constantFrom(1, 1, 2),
  dilationWidth: constantFrom(1, 1, 2),
  isPadded: boolean(),
})
  .map(({ isPadded, ...sizes }) => {
    // Every window reaches the input.
    const padTop = isPadded && sizes.dilationHeight === 1 ? Math.floor(sizes.kernelHeight / 2) : 0;
    const padLeft = isPadded && sizes.dilationWidth === 1 ? Math.floor(sizes.kernelWidth / 2) : 0;
    return {
      ...sizes,
      padTop,
      padLeft,
      height: inputLength(sizes.outHeight, sizes.kernelHeight, sizes.strideHeight, sizes.dilationHeight, padTop, 0),
      width: inputLength(sizes.outWidth, sizes.kernelWidth, sizes.strideWidth, sizes.dilationWidth, padLeft, 0),
    };
  })
  // If the dilation is larger than the input, a window may contain no element. poolGeometry refuses this.
  .filter(({ height, width, dilationHeight, dilationWidth }) => dilationHeight <= height && dilationWidth <= width);

describe.each(kernelModules)('$called give the results of the reference', ({ kernels }) => {
  const wasm = guardedBackend({ kernels });
  test('for matrix products of all four layouts, of one matrix with many, and accumulated in blocks', () => {
    const sizes = record({
      batch: upTo(3),
      m: upTo(24),
      n: upTo(40),
      k: integer({ min: 0, max: 40 }),
      transposeA: boolean(),
      transposeB: boolean(),
      repeatsA: boolean(),
      repeatsB: boolean(),
    });
    const check = (
      place: Place,
      { batch, m, n, k, transposeA, transposeB, repeatsA, repeatsB }: Sizes<typeof sizes>,
      seed: number,
    ): void => {
      const [batchStrideA, batchStrideB] = [repeatsA ? 0 : m * k, repeatsB ? 0 : k * n];
      const geometry = { batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB };
      const a = noise(repeatsA ? m * k : batch * m * k, seed);
      const b = noise(repeatsB ? k * n : batch * k * n, seed + 1);
      compareSums(place, [a, b], batch * m * n, (backend, [x, y], [out]) => backend.matmul(x, y, out, geometry), { on: wasm });
    };
    assert(property(places, sizes, seeds, check));
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        check('arena', { batch: 1, m: 21, n: 270, k: 700, transposeA, transposeB, repeatsA: false, repeatsB: false }, 3);
        check('arena', { batch: 1, m: 3, n: 270, k: 700, transposeA, transposeB, repeatsA: false, repeatsB: false }, 4);
      }
    }
  });

  test('for linear layers', () => {
    assert(
      property(places, upTo(11), integer({ min: 0, max: 45 }), upTo(13), boolean(), seeds, (place, n, k, features, hasBias, seed) => {
        const operands = [noise(n * k, seed), noise(features * k, seed + 1), noise(features, seed + 2)];
        compareSums(
          place,
          operands,
          n * features,
          (backend, [x, weight, bias], [out]) => backend.linear(x, weight, hasBias ? bias : null, out, n, k, features),
          { on: wasm },
        );
      }),
    );
  });

  // Winograd's algorithm is not used here, because it mixes results. wasmConvVariants.test.ts tests it.
  const direct = { on: guardedBackend({ kernels, convVariant: 'direct' }) };

  const checkConvolution = (place: Place, geometry: ConvGeometry, hasBias: boolean, seed: number): void => {
    const on = geometry.kernelHeight === 3 && geometry.kernelWidth === 3 ? direct : { on: wasm };
    const sizes = convSizes(geometry);
    const [x, weight, g] = [noise(sizes.x, seed), noise(sizes.weight, seed + 1), noise(sizes.out, seed + 2)];
    const bias = noise(geometry.outChannels, seed + 3);
    const convolve = [x, weight, bias];
    compareSums(place, convolve, sizes.out, (backend, [a, w, b], [out]) => backend.conv2d(a, w, hasBias ? b : null, out, geometry), on);
    compareSums(place, [g, weight], sizes.x, (backend, [a, w], [dx]) => backend.conv2dBackwardInput(a, w, dx, geometry), on);
    compareSums(place, [g, x], sizes.weight, (backend, [a, b], [dw]) => backend.conv2dBackwardWeight(a, b, dw, geometry), on);
  };

  test('for convolutions of any stride, padding, dilation and groups, and their gradients', () => {
    assert(property(places, convolutions, boolean(), seeds, checkConvolution), { numRuns: 200 });
  });

  test.each(namedConvolutions)('for the convolution %s and its gradients', (_, geometry) => {
    checkConvolution('arena', geometry, true, 11);
  });

  test('with the same bits for a single sample and for the same sample in a batch', () => {
    const mark = wasm.enterArena();
    const geometry = conv({ batch: 7, inChannels: 3, height: 14, width: 14, outChannels: 10, outHeight: 10, outWidth: 10 });
    const sizes = convSizes(geometry);
    const [x, weight, g] = [noise(sizes.x, 1), noise(sizes.weight, 2), noise(sizes.out, 3)];
    const [k, n] = [700, 31];
    const [rows, matrix] = [noise(7 * k, 4), noise(k * n, 5)];
    const product = { batch: 1, n, k, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
    const results = (batch: number, first: number): FloatArray[] => {
      const part = (data: Float32Array): Float32Array => data.slice((first * data.length) / 7, ((first + batch) * data.length) / 7);
      const outs = [(sizes.out / 7) * batch, (sizes.x / 7) * batch, n * batch, n * batch].map((length) => wasm.allocate(length));
      wasm.conv2d(part(x), weight, null, outs[0], { ...geometry, batch });
      wasm.conv2dBackwardInput(part(g), weight, outs[1], { ...geometry, batch });
      wasm.matmul(part(rows), matrix, outs[2], { ...product, m: batch });
      wasm.linear(part(rows), matrix, null, outs[3], batch, k, n);
      return outs;
    };
    const whole = results(7, 0);
    for (let sample = 0; sample < 7; sample++) {
      results(1, sample).forEach((out, which) => {
        expectSame(out, whole[which].subarray(sample * out.length, (sample + 1) * out.length), `result ${which} of sample ${sample}`);
      });
    }
    wasm.leaveArena(mark);
  });

  test('for max pooling and its gradient', () => {
    assert(
      property(places, pools, boolean(), seeds, (place, geometry, hasTies, seed) => {
        const x = noise(geometry.planes * geometry.height * geometry.width, seed);
        if (hasTies) x.forEach((value, i) => (x[i] = value > 0.9 ? Number.NaN : Math.round(value * 2)));
        const out = geometry.planes * geometry.outHeight * geometry.outWidth;
        const positions: number[][] = [];
        const pool: Kernel = (backend, [a, g], [y, dx]) => {
          const indices = backend.allocateIndices(out);
          backend.maxPool2d(a, y, indices, geometry);
          backend.maxPool2dBackward(g, indices, dx, geometry);
          positions.push([...indices]);
        };
        compare(place, [x, noise(out, seed + 1)], [out, x.length], pool, 2e-6, wasm);
        expect(positions[1]).toEqual(positions[0]);
      }),
    );
  });
});
