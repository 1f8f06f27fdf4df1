// Compares every convolution algorithm of the wasm backend with the plain loops of the reference in float64. The algorithms are forced, so
// that they also run at small and odd sizes, for which they are normally not used, and at the sizes of real networks.
import { type Arbitrary, assert, boolean, integer, property, record } from 'fast-check';
import { afterAll, describe, test } from 'vitest';
import { convVariants } from '../../packages/engine/src/backend/wasm/convVariant.ts';
import { kernelModules } from '../support/backends.ts';
import {
  compareSums,
  type FloatArray,
  type Kernel,
  noise,
  type Place,
  places,
  seeds,
  type Sums,
  sumsOf,
  upTo,
} from '../support/compareKernels.ts';
import { type ConvGeometry, type ConvSizes, conv3x3 } from '../support/conv3x3.ts';
import { expectSame } from '../support/expectSame.ts';
import { guardedBackend } from '../support/guardedBackend.ts';

const convolutions: Arbitrary<ConvGeometry> = record({
  batch: upTo(4),
  inChannels: upTo(11),
  outChannels: upTo(19),
  height: upTo(14),
  width: upTo(14),
  padTop: integer({ min: 0, max: 2 }),
  padLeft: integer({ min: 0, max: 2 }),
})
  .map(conv3x3)
  .filter(({ outHeight, outWidth }) => outHeight > 0 && outWidth > 0);

const named: readonly (readonly [string, ConvSizes])[] = [
  ['of a colour image', { batch: 3, inChannels: 3, outChannels: 16, height: 32, width: 32, padTop: 1, padLeft: 1 }],
  ['of many small images, in parts', { batch: 33, inChannels: 6, outChannels: 5, height: 16, width: 15, padTop: 1, padLeft: 1 }],
  ['of many channels', { batch: 2, inChannels: 120, outChannels: 35, height: 7, width: 7, padTop: 1, padLeft: 1 }],
  ['of a wide image without padding', { batch: 1, inChannels: 9, outChannels: 17, height: 19, width: 101, padTop: 0, padLeft: 0 }],
];

const sizesOf = (g: ConvGeometry): { x: number; weight: number; out: number } => ({
  x: g.batch * g.inChannels * g.height * g.width,
  weight: g.outChannels * g.inChannels * 9,
  out: g.batch * g.outChannels * g.outHeight * g.outWidth,
});

/** A kernel with its operands, and the results of the reference. */
interface Comparison {
  readonly operands: readonly Float32Array[];
  readonly lengths: number | readonly number[];
  readonly kernel: Kernel;
  readonly sums: Sums;
}

const comparison = (operands: readonly Float32Array[], lengths: number | readonly number[], kernel: Kernel): Comparison => ({
  operands,
  lengths,
  kernel,
  sums: sumsOf(operands, lengths, kernel),
});

/**
 * Each run of the tests draws different convolutions. All variants of a run use the same convolutions, so the reference computes each of
 * them once.
 */
const seedOfDraws = Math.floor(Math.random() * 2 ** 31);
const known = new Map<string, readonly Comparison[]>();
afterAll(() => known.clear());

function once(key: string, make: () => readonly Comparison[]): readonly Comparison[] {
  const comparisons = known.get(key) ?? make();
  known.set(key, comparisons);
  return comparisons;
}

/** The convolution, with and without a rectifier, and both gradients. */
function comparisonsOf(geometry: ConvGeometry, hasBias: boolean, seed: number): readonly Comparison[] {
  return once(JSON.stringify([geometry, hasBias, seed]), () => {
    const sizes = sizesOf(geometry);
    const [x, weight, g] = [noise(sizes.x, seed), noise(sizes.weight, seed + 1), noise(sizes.out, seed + 2)];
    const convolve = [x, weight, noise(geometry.outChannels, seed + 3)];
    return [
      comparison(convolve, sizes.out, (on, [a, w, b], [out]) => on.conv2d(a, w, hasBias ? b : null, out, geometry)),
      comparison(convolve, sizes.out, (on, [a, w, b], [out]) => on.conv2dRelu(a, w, hasBias ? b : null, out, geometry)),
      comparison([g, weight], sizes.x, (on, [a, w], [dx]) => on.conv2dBackwardInput(a, w, dx, geometry)),
      comparison([g, x], sizes.weight, (on, [a, b], [dw]) => on.conv2dBackwardWeight(a, b, dw, geometry)),
    ];
  });
}

/** Returns a comparison of the gradients of a convolution with a rectifier. One call computes the gradients of input, weight and bias. */
function rectifiedOf(geometry: ConvGeometry, seed: number): readonly Comparison[] {
  return once(JSON.stringify([geometry, seed]), () => {
    const sizes = sizesOf(geometry);
    const [x, weight, g] = [noise(sizes.x, seed), noise(sizes.weight, seed + 1), noise(sizes.out, seed + 2)];
    const y = noise(sizes.out, seed + 3).map((value) => Math.max(0, value));
    const lengths = [sizes.x, sizes.weight, geometry.outChannels];
    return [
      comparison([g, y, x, weight], lengths, (on, [a, b, c, w], [dx, dw, db]) => on.conv2dBackward(a, b, c, w, dx, dw, db, geometry)),
    ];
  });
}

const ways = kernelModules.flatMap(({ called, kernels }) => convVariants.map((convVariant) => ({ called, kernels, convVariant })));

describe.each(ways)('$called with forced $convVariant convolutions gives the results of the reference', ({ kernels, convVariant }) => {
  const wasm = guardedBackend({ kernels, convVariant });
  // If a shape does not allow the forced algorithm, the backend chooses the algorithm by the shape. Winograd's algorithm transforms each
  // tile to 36 numbers. For a sum of few terms this rounds more often than the direct sum.
  const forced = { on: wasm, ...(convVariant !== 'direct' && { mixes: true, tolerance: 6e-6 }) };

  const check = (place: Place, comparisons: readonly Comparison[]): void => {
    for (const { operands, lengths, kernel, sums } of comparisons) compareSums(place, operands, lengths, kernel, { ...forced, sums });
  };

  test('for 3 × 3 convolutions of any size and padding, and their gradients', () => {
    const convolve = property(places, convolutions, boolean(), seeds, (place, geometry, hasBias, seed) =>
      check(place, comparisonsOf(geometry, hasBias, seed)),
    );
    const backward = property(places, convolutions, seeds, (place, geometry, seed) => check(place, rectifiedOf(geometry, seed)));
    assert(convolve, { numRuns: 50, seed: seedOfDraws });
    assert(backward, { numRuns: 25, seed: seedOfDraws });
  });

  test.each(named)('for the convolution %s, and its gradients', (_, sizes) => {
    check('arena', comparisonsOf(conv3x3(sizes), true, 5));
    check('arena', rectifiedOf(conv3x3(sizes), 6));
  });

  test('with the same bits for a single sample and for the same sample in a batch', () => {
    const mark = wasm.enterArena();
    const geometry = conv3x3({ batch: 9, inChannels: 5, outChannels: 10, height: 9, width: 14, padTop: 1, padLeft: 1 });
    const sizes = sizesOf(geometry);
    const [x, weight, g] = [noise(sizes.x, 1), noise(sizes.weight, 2), noise(sizes.out, 3)];
    const results = (batch: number, first: number): FloatArray[] => {
      const part = (data: Float32Array): Float32Array => data.slice((first * data.length) / 9, ((first + batch) * data.length) / 9);
      const [out, dx] = [wasm.allocate((sizes.out / 9) * batch), wasm.allocate((sizes.x / 9) * batch)];
      wasm.conv2d(part(x), weight, null, out, { ...geometry, batch });
      wasm.conv2dBackwardInput(part(g), weight, dx, { ...geometry, batch });
      return [out, dx];
    };
    const whole = results(9, 0);
    for (let sample = 0; sample < 9; sample++) {
      results(1, sample).forEach((out, which) => {
        expectSame(out, whole[which].subarray(sample * out.length, (sample + 1) * out.length), `result ${which} of sample ${sample}`);
      });
    }
    wasm.leaveArena(mark);
  });

  test('with any values in memory after the last plane', () => {
    const geometry = conv3x3({ batch: 1, inChannels: 4, outChannels: 4, height: 8, width: 8, padTop: 1, padLeft: 1 });
    const [x, weight] = [noise(256, 1), noise(144, 2)];
    const run = (behind: number): FloatArray => {
      const mark = wasm.enterArena();
      const values = wasm.allocate(256 + 16);
      values.fill(behind).set(x);
      const out = new Float32Array(256);
      wasm.conv2d(values.subarray(0, 256), weight, null, out, geometry);
      wasm.leaveArena(mark);
      return out;
    };
    expectSame(run(Number.NaN), run(0), 'the result');
  });
});
