// Convolution, rectifier and pooling as one on the wasm backend against the reference's steps one after the other: every
// variant, on random shapes and on those of LeNet, with ties, with NaN, and with any number of threads.
import { type PooledChoice, ReferenceBackend, WasmBackend } from '@trainyard/engine';
import { nodeThreads } from '@trainyard/engine/node';
import { assert, constantFrom, integer, property, record } from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelModules } from '../support/backends.ts';
import { type FloatArray, noise, seeds, upTo } from '../support/compareKernels.ts';
import { GuardedBackend } from '../support/guardedBackend.ts';

type ConvGeometry = Parameters<WasmBackend['conv2dReluPool']>[5];
type PoolGeometry = Parameters<WasmBackend['conv2dReluPool']>[6];

const reference = new ReferenceBackend({ dtype: 'float64' });
const variants: readonly PooledChoice[] = [
  {},
  { forward: 'direct', backward: 'sparse' },
  { forward: 'tiled', backward: 'sparse' },
  { forward: 'composed', backward: 'composed' },
];

interface Sizes {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
}

function geometries(sizes: Sizes): [ConvGeometry, PoolGeometry] {
  const outHeight = sizes.height + 2 * sizes.padTop - sizes.kernelHeight + 1;
  const outWidth = sizes.width + 2 * sizes.padLeft - sizes.kernelWidth + 1;
  const plain = { strideHeight: 1, strideWidth: 1, dilationHeight: 1, dilationWidth: 1 };
  const pool = {
    padTop: 0,
    padLeft: 0,
    dilationHeight: 1,
    dilationWidth: 1,
    kernelHeight: 2,
    kernelWidth: 2,
    strideHeight: 2,
    strideWidth: 2,
  };
  return [
    { ...sizes, ...plain, groups: 1, outHeight, outWidth },
    {
      ...pool,
      planes: sizes.batch * sizes.outChannels,
      height: outHeight,
      width: outWidth,
      outHeight: Math.floor(outHeight / 2),
      outWidth: Math.floor(outWidth / 2),
    },
  ];
}

interface Operands {
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly g: Float32Array;
}

interface Results {
  readonly y: FloatArray;
  readonly indices: Int32Array;
  readonly dx: FloatArray;
  readonly dw: FloatArray;
  readonly db: FloatArray;
}

function operandsOf([conv, pool]: [ConvGeometry, PoolGeometry], seed: number, value: (x: number) => number = (x) => x): Operands {
  const { batch, inChannels, outChannels, height, width, kernelHeight, kernelWidth } = conv;
  return {
    x: noise(batch * inChannels * height * width, seed).map(value),
    weight: noise(outChannels * inChannels * kernelHeight * kernelWidth, seed + 1).map(value),
    bias: seed % 3 === 0 ? null : noise(outChannels, seed + 2).map(value),
    g: noise(pool.planes * pool.outHeight * pool.outWidth, seed + 3),
  };
}

/** All results, for a pass backward from the backend's own pass forward. */
function run(backend: ReferenceBackend | WasmBackend, operands: Operands, [conv, pool]: [ConvGeometry, PoolGeometry]): Results {
  const put = (data: Float32Array): FloatArray => {
    const array = backend.allocate(data.length);
    array.set(data);
    return array;
  };
  const mark = backend.enterArena();
  const [x, weight, g] = [put(operands.x), put(operands.weight), put(operands.g)];
  const bias = operands.bias === null ? null : put(operands.bias);
  const [y, indices] = [backend.allocate(g.length), backend.allocateIndices(g.length)];
  const [dx, dw, db] = [backend.allocate(x.length), backend.allocate(weight.length), backend.allocate(conv.outChannels)];
  for (const array of [y, dx, dw, db]) array.fill(Number.NaN);
  backend.conv2dReluPool(x, weight, bias, y, indices, conv, pool);
  backend.conv2dReluPoolBackward(g, y, indices, x, weight, dx, dw, db, conv, pool);
  const results = { y: y.slice(), indices: indices.slice(), dx: dx.slice(), dw: dw.slice(), db: db.slice() };
  backend.leaveArena(mark);
  return results;
}

function expectNear(actual: FloatArray, expected: FloatArray, what: string, tolerance: number): void {
  let largest = 1;
  for (const value of expected) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  for (let i = 0; i < expected.length; i++) {
    const isNear = Object.is(actual[i], expected[i]) || Math.abs(actual[i] - expected[i]) <= tolerance * largest;
    if (!isNear) expect.fail(`${what}: element ${i} of ${expected.length} is ${actual[i]}, expected ${expected[i]}`);
  }
}

function expectAsReference(backend: WasmBackend, operands: Operands, sizes: [ConvGeometry, PoolGeometry], tolerance: number): Results {
  const [actual, expected] = [run(backend, operands, sizes), run(reference, operands, sizes)];
  for (const name of ['y', 'dx', 'dw', 'db'] as const) expectNear(actual[name], expected[name], name, tolerance);
  return actual;
}

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

const named: readonly (readonly [string, Sizes])[] = [
  [
    "LeNet's first",
    { batch: 2, inChannels: 1, outChannels: 6, height: 32, width: 32, kernelHeight: 5, kernelWidth: 5, padTop: 0, padLeft: 0 },
  ],
  [
    "LeNet's second",
    { batch: 9, inChannels: 6, outChannels: 16, height: 14, width: 14, kernelHeight: 5, kernelWidth: 5, padTop: 0, padLeft: 0 },
  ],
  [
    'padded, as for MNIST',
    { batch: 2, inChannels: 1, outChannels: 6, height: 28, width: 28, kernelHeight: 5, kernelWidth: 5, padTop: 2, padLeft: 2 },
  ],
  ["VGG's", { batch: 1, inChannels: 32, outChannels: 32, height: 16, width: 16, kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1 }],
];

const team = new WasmBackend({ threads: nodeThreads(3) });
afterAll(() => team.close());

const ways = kernelModules.flatMap(({ called, kernels }) =>
  variants.map((pooled) => [called, JSON.stringify(pooled), kernels, pooled] as const),
);

describe.each(ways)('a pooled convolution on %s with the variant %s', (_, __, kernels, pooled) => {
  // Winograd's sums round otherwise, so that equal maxima are not always equal, and a NaN reaches its whole tile.
  const wasm = new GuardedBackend({ kernels, pooled, convVariant: 'direct' });

  test('gives what its steps give, on random shapes', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => void expectAsReference(wasm, operandsOf(geometries(sizes), seed), geometries(sizes), 4e-6)),
      {
        numRuns: 150,
      },
    );
  });

  test.each(named)('gives what its steps give, on %s shape', (___, sizes) => {
    expectAsReference(wasm, operandsOf(geometries(sizes), 7), geometries(sizes), 4e-6);
  });

  test('takes the first of equal maxima, and gives nothing back where the rectifier let nothing through', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => {
        const both = geometries(sizes);
        // Small whole numbers are exact in float32, and often equal.
        const operands = operandsOf(both, seed, (value) => Math.round(value * 1.4));
        const [actual, expected] = [expectAsReference(wasm, operands, both, 4e-6), run(reference, operands, both)];
        for (let i = 0; i < actual.y.length; i++) if (actual.y[i] > 0) expect(actual.indices[i]).toBe(expected.indices[i]);
      }),
    );
  });

  test('lets a NaN win, the first of several', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => {
        const both = geometries(sizes);
        const operands = operandsOf(both, seed);
        for (const at of [seed, seed >> 8]) operands.x[at % operands.x.length] = Number.NaN;
        const [actual, expected] = [run(wasm, operands, both), run(reference, operands, both)];
        expectNear(actual.y, expected.y, 'y', 4e-6);
        for (let i = 0; i < actual.y.length; i++) if (Number.isNaN(actual.y[i])) expect(actual.indices[i]).toBe(expected.indices[i]);
      }),
    );
  });

  test('spreads a NaN of the gradient over the windows that gave it alone', () => {
    assert(
      property(shapes, seeds, (sizes, seed) => {
        const both = geometries(sizes);
        const operands = operandsOf(both, seed);
        operands.g[seed % operands.g.length] = Number.NaN;
        expectNear(run(wasm, operands, both).dx, run(reference, operands, both).dx, 'dx', 4e-6);
      }),
    );
  });

  test('leaves out the gradients that nobody wants', () => {
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
      [dx, dw, db].forEach((full, i) => wanted[i] && expect([toX, toW, toB][i]).toEqual(full));
    }
  });
});

describe.each(kernelModules)("a pooled 3 × 3 convolution by Winograd's tiles on $called", ({ kernels }) => {
  const wasm = new GuardedBackend({ kernels, pooled: { forward: 'winograd', backward: 'winograd' }, convVariant: 'winograd' });
  const inSteps = new WasmBackend({ kernels, pooled: { forward: 'composed', backward: 'composed' }, convVariant: 'winograd' });
  const shapes3x3 = shapes.map((sizes) => ({ ...sizes, kernelHeight: 3, kernelWidth: 3 }));

  /** That both give the same bits, but for the sums of the bias and for the positions of maxima that the rectifier levels. */
  function expectAsInSteps(sizes: Sizes, seed: number, change: (operands: Operands) => void = () => {}): void {
    const both = geometries(sizes);
    const operands = operandsOf(both, seed);
    change(operands);
    const [actual, expected] = [run(wasm, operands, both), run(inSteps, operands, both)];
    for (const name of ['y', 'dx', 'dw'] as const) expect(actual[name]).toEqual(expected[name]);
    expectNear(actual.db, expected.db, 'db', 1e-6);
    for (let i = 0; i < actual.y.length; i++) if (!(actual.y[i] <= 0)) expect(actual.indices[i]).toBe(expected.indices[i]);
  }

  test('gives what its steps give, on random shapes', () => {
    assert(property(shapes3x3, seeds, (sizes, seed) => expectAsInSteps(sizes, seed)));
  });

  test('gives what its steps give, where there are several blocks of tiles and parts of the batch', () => {
    const sizes = { kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1 };
    expectAsInSteps({ ...sizes, batch: 7, inChannels: 33, outChannels: 20, height: 31, width: 38 }, 3);
    expectAsInSteps({ ...sizes, batch: 35, inChannels: 5, outChannels: 9, height: 8, width: 8 }, 4);
  });

  test('lets a NaN win, the first of several', () => {
    assert(
      property(shapes3x3, seeds, (sizes, seed) =>
        expectAsInSteps(sizes, seed, ({ x }) => {
          for (const at of [seed, seed >> 8]) x[at % x.length] = Number.NaN;
        }),
      ),
    );
  });

  test('goes on where the rectifier let the maximum through, and nowhere else', () => {
    assert(
      property(shapes3x3, seeds, (sizes, seed) => {
        const both = geometries(sizes);
        const operands = operandsOf(both, seed);
        const [actual, expected] = [run(wasm, operands, both), run(reference, operands, both)];
        // Where maxima are equal but for rounding, the gradient may go another way.
        if (actual.y.some((value, i) => value > 0 && actual.indices[i] !== expected.indices[i])) return;
        for (const name of ['y', 'dx', 'dw', 'db'] as const) expectNear(actual[name], expected[name], name, 1e-5);
      }),
    );
  });
});

describe('a pooled convolution', () => {
  test('has the same bits with one thread and with three', () => {
    const alone = new WasmBackend();
    for (const [, sizes] of named) {
      const both = geometries({ ...sizes, batch: 13 });
      const operands = operandsOf(both, 4);
      expect(run(team, operands, both)).toEqual(run(alone, operands, both));
    }
  });

  test('has the same bits for a sample alone as in a batch', () => {
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
      for (const name of ['y', 'indices', 'dx'] as const) expect(first[name]).toEqual(whole[name].slice(0, first[name].length));
    }
  });
});
