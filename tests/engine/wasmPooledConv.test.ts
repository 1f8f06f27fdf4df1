// Compares convolution, rectifier and pooling in one operation on the wasm backend with the separate steps of the reference: every variant,
// for random shapes and for those of LeNet, with equal values, with NaN, and with any number of threads.
import { type PooledChoice, WasmBackend } from '@trainyard/engine';
import { nodeThreads } from '@trainyard/engine/node';
import { assert, constantFrom, integer, property, record } from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelModules } from '../support/backends.ts';
import { seeds, upTo } from '../support/compareKernels.ts';
import { expectSame } from '../support/expectSame.ts';
import { guardedBackend } from '../support/guardedBackend.ts';
import {
  biasGradientAt,
  expectAsReference,
  expectNear,
  type Geometries,
  geometries,
  gradientsAt,
  type Operands,
  operandsOf,
  pooledSums,
  type Results,
  run,
  type Sizes,
} from '../support/pooledConv.ts';

const seedOfDraws = Math.floor(Math.random() * 2 ** 30);

/**
 * The settings of a property. Each property and each run of the tests draws different cases. Within a run all variants get the same cases.
 */
const draws = (property: number) => ({ numRuns: 40, seed: seedOfDraws + property });

const variants: readonly PooledChoice[] = [
  {},
  { forward: 'direct', backward: 'sparse' },
  { forward: 'tiled', backward: 'sparse' },
  { forward: 'composed', backward: 'composed' },
];

const shapes = record({
  batch: upTo(3),
  inChannels: constantFrom(1, 1, 2, 3, 4, 5, 6, 8, 9),
  outChannels: constantFrom(1, 2, 3, 4, 6, 8, 11),
  height: integer({ min: 5, max: 11 }),
  width: integer({ min: 5, max: 21 }),
  kernelHeight: upTo(5),
  kernelWidth: upTo(5),
  padTop: integer({ min: 0, max: 2 }),
  padLeft: integer({ min: 0, max: 2 }),
}).filter((s) => s.height + 2 * s.padTop > s.kernelHeight && s.width + 2 * s.padLeft > s.kernelWidth);

const named: readonly (readonly [string, Sizes, seed: number])[] = [
  [
    'the first shape of LeNet',
    { batch: 2, inChannels: 1, outChannels: 6, height: 32, width: 32, kernelHeight: 5, kernelWidth: 5, padTop: 0, padLeft: 0 },
    7,
  ],
  [
    'the second shape of LeNet',
    { batch: 9, inChannels: 6, outChannels: 16, height: 14, width: 14, kernelHeight: 5, kernelWidth: 5, padTop: 0, padLeft: 0 },
    7,
  ],
  [
    'a padded shape, as for MNIST',
    { batch: 2, inChannels: 1, outChannels: 6, height: 28, width: 28, kernelHeight: 5, kernelWidth: 5, padTop: 2, padLeft: 2 },
    7,
  ],
  [
    'almost equal maxima: the two largest values of a window differ by at most one rounding error',
    { batch: 2, inChannels: 1, outChannels: 4, height: 7, width: 16, kernelHeight: 3, kernelWidth: 4, padTop: 0, padLeft: 1 },
    210_608_026,
  ],
  [
    'a shape of VGG',
    { batch: 1, inChannels: 32, outChannels: 32, height: 16, width: 16, kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1 },
    7,
  ],
];

const resultNames = ['y', 'indices', 'dx', 'dw', 'db'] as const;

/** Compares the positions of maxima. A maximum may have any position if `matter` returns false for its value. */
function expectSamePositions({ y, indices }: Results, expected: Int32Array, matter: (maximum: number) => boolean): void {
  for (let i = 0; i < y.length; i++) {
    if (matter(y[i]) && indices[i] !== expected[i]) expect.fail(`maximum ${i} is at ${indices[i]}, expected ${expected[i]}`);
  }
}

type MakeOperands = (both: Geometries, seed: number) => Operands;

const kinds = {
  plain: (both, seed) => operandsOf(both, seed),
  // Small whole numbers are exact in float32, and often equal.
  tying: (both, seed) => operandsOf(both, seed, (value) => Math.round(value * 1.4)),
  'NaN in the input': (both, seed) => {
    const operands = operandsOf(both, seed);
    for (const at of [seed, seed >> 8]) operands.x[at % operands.x.length] = Number.NaN;
    return operands;
  },
  'NaN in the gradient': (both, seed) => {
    const operands = operandsOf(both, seed);
    operands.g[seed % operands.g.length] = Number.NaN;
    return operands;
  },
} satisfies Record<string, MakeOperands>;
type Kind = keyof typeof kinds;

const known = new Map<string, Operands>();
afterAll(() => known.clear());

/** Returns operands that all variants share, so that the reference computes with them only once. */
function shared(kind: Kind, sizes: Sizes, seed: number): readonly [Operands, Geometries] {
  const both = geometries(sizes);
  const key = JSON.stringify([kind, sizes, seed]);
  const operands = known.get(key) ?? kinds[kind](both, seed);
  known.set(key, operands);
  return [operands, both];
}

const team = new WasmBackend({ threads: nodeThreads(3) });
afterAll(() => team.close());

const ways = kernelModules.flatMap(({ called, kernels }) =>
  variants.map((pooled) => [called, JSON.stringify(pooled), kernels, pooled] as const),
);

describe.each(ways)('a pooled convolution on %s with the variant %s', (_, __, kernels, pooled) => {
  // With Winograd's algorithm the rounding differs, so equal maxima may become unequal, and a NaN spreads to its whole tile.
  const wasm = guardedBackend({ kernels, pooled, convVariant: 'direct' });

  test('gives the results of the separate steps for random shapes', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => void expectAsReference(wasm, ...shared('plain', sizes, seed))),
      draws(1),
    );
  });

  test.each(named)('gives the results of the separate steps for %s', (___, sizes, seed) => {
    expectAsReference(wasm, ...shared('plain', sizes, seed));
  });

  test('selects the first of equal maxima, and gives a gradient of 0 where the result of the rectifier is 0', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => {
        const [operands, both] = shared('tying', sizes, seed);
        const [actual, { indices }] = [expectAsReference(wasm, operands, both), pooledSums(operands, both)];
        expectSamePositions(actual, indices, (value) => value > 0);
      }),
      draws(2),
    );
  });

  test('selects the first NaN of a window as its maximum', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => {
        const [operands, both] = shared('NaN in the input', sizes, seed);
        const [actual, expected] = [run(wasm, operands, both), pooledSums(operands, both)];
        expectNear(actual.y, expected, 'y');
        expectSamePositions(actual, expected.indices, Number.isNaN);
      }),
      draws(3),
    );
  });

  test('spreads a NaN in the gradient only to the window that it belongs to', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => {
        const [operands, both] = shared('NaN in the gradient', sizes, seed);
        const actual = run(wasm, operands, both);
        expectNear(actual.dx, gradientsAt(actual, operands, both).dx, 'dx');
      }),
      draws(4),
    );
  });

  test('computes only the requested gradients', () => {
    const both = geometries(named[1][1]);
    const { x, weight, bias, g } = operandsOf(both, 5);
    const { y, indices, dx, dw, db } = run(wasm, { x, weight, bias, g }, both);
    for (const wanted of [
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ]) {
      const [toX, toW, toB] = [dx, dw, db].map((full, i) => (wanted[i] ? full.slice().fill(0) : null));
      wasm.conv2dReluPoolBackward(g, y, indices, x, weight, toX, toW, toB, ...both);
      for (const [i, given] of [toX, toW, toB].entries()) if (given !== null) expectSame(given, [dx, dw, db][i], `gradient ${i}`);
    }
  });
});

describe.each(kernelModules)("a pooled 3 × 3 convolution by Winograd's tiles on $called", ({ kernels }) => {
  const wasm = guardedBackend({ kernels, pooled: { forward: 'winograd', backward: 'winograd' }, convVariant: 'winograd' });
  const inSteps = new WasmBackend({ kernels, pooled: { forward: 'composed', backward: 'composed' }, convVariant: 'winograd' });
  const shapes3x3 = shapes.map((sizes) => ({ ...sizes, kernelHeight: 3, kernelWidth: 3 }));

  /** Expects the same bits, except for the sums of the bias and for the positions of maxima that the rectifier sets to 0. */
  function expectAsInSteps(kind: Kind, sizes: Sizes, seed: number): void {
    const [operands, both] = shared(kind, sizes, seed);
    const [actual, expected] = [run(wasm, operands, both), run(inSteps, operands, both)];
    for (const name of ['y', 'dx', 'dw'] as const) expectSame(actual[name], expected[name], name);
    expectNear(actual.db, biasGradientAt(actual, operands, both), 'db');
    expectSamePositions(actual, expected.indices, (value) => !(value <= 0));
  }

  test('gives the results of the separate steps for random shapes', () => {
    assert(
      property(shapes3x3, seeds, (sizes, seed) => expectAsInSteps('plain', sizes, seed)),
      draws(5),
    );
  });

  test('gives the results of the separate steps for several blocks of tiles and parts of the batch', () => {
    const sizes = { kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1 };
    expectAsInSteps('plain', { ...sizes, batch: 7, inChannels: 33, outChannels: 20, height: 31, width: 38 }, 3);
    expectAsInSteps('plain', { ...sizes, batch: 35, inChannels: 5, outChannels: 9, height: 8, width: 8 }, 4);
  });

  test('selects the first NaN of a window as its maximum', () => {
    assert(
      property(shapes3x3, seeds, (sizes, seed) => expectAsInSteps('NaN in the input', sizes, seed)),
      draws(6),
    );
  });

  test('passes the gradient only where the maximum passed the rectifier', () => {
    assert(
      property(shapes3x3, seeds, (sizes, seed) => {
        expectAsReference(wasm, ...shared('plain', sizes, seed), { tolerance: 1e-5, mixes: true });
      }),
      draws(7),
    );
  });
});

describe('a pooled convolution', () => {
  test('has the same bits with one thread and with three', () => {
    const alone = new WasmBackend();
    for (const [, sizes] of named) {
      const both = geometries({ ...sizes, batch: 13 });
      const operands = operandsOf(both, 4);
      const [inTeam, expected] = [run(team, operands, both), run(alone, operands, both)];
      for (const name of resultNames) expectSame(inTeam[name], expected[name], name);
    }
  });

  test('has the same bits for a single sample as in a batch', () => {
    const alone = new WasmBackend();
    for (const [, sizes] of named) {
      const [one, many] = [geometries({ ...sizes, batch: 1 }), geometries({ ...sizes, batch: 3 })];
      const operands = operandsOf(many, 8);
      const whole = run(alone, operands, many);
      const first = run(
        alone,
        { ...operands, x: operands.x.slice(0, operands.x.length / 3), g: operands.g.slice(0, operands.g.length / 3) },
        one,
      );
      for (const name of ['y', 'indices', 'dx'] as const) expectSame(first[name], whole[name].subarray(0, first[name].length), name);
    }
  });
});
