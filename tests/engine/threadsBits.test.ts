// Tests that results have the same bits with any number of threads, for whole runs and for each parallel kernel at sizes that cannot be
// divided evenly. Other tests, on one thread, check that the results are correct.
import type { Backend, Shape } from '@trainyard/engine';
import { nodeThreads } from '@trainyard/engine/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ParallelKernels } from '../../packages/engine/src/backend/wasm/kernels.generated.ts';
import { WasmBackend } from '../../packages/engine/src/backend/wasm/wasmBackend.ts';
import { type FloatArray, noise, sizeOf } from '../support/compareKernels.ts';
import { goldenHashes, goldenJobs } from './golden/jobs.ts';

const alone = new WasmBackend();
const teams = [new WasmBackend({ threads: nodeThreads(2) }), new WasmBackend({ threads: nodeThreads(3) })];

beforeAll(async () => {
  await Promise.all(teams.map((team) => team.ready()));
});

afterAll(async () => {
  Object.assign(parallel, originals);
  await Promise.all(teams.map((team) => team.close()));
});

/** The parallel kernels. Each call that is large enough for several threads records its name. */
const parallel = ParallelKernels.prototype as unknown as Record<string, (...args: number[]) => void>;
const names = Object.getOwnPropertyNames(parallel).filter((name) => name !== 'constructor');
const shared = new Set<string>();
const originals = Object.fromEntries(names.map((name) => [name, parallel[name]]));
for (const name of names) {
  const run = originals[name];
  parallel[name] = function (this: unknown, ...args) {
    const [units, operations] = args.slice(-2);
    if (units > 1 && operations >= 50_000) shared.add(name);
    run.apply(this, args);
  };
}

interface Case {
  readonly operands: readonly Float32Array[];
  /** The values that a kernel changes, or the length of a result that it only writes. */
  readonly results: readonly (Float32Array | number)[];
  readonly run: (backend: Backend, operands: FloatArray[], results: FloatArray[]) => void;
}

const bits = (array: FloatArray): Buffer => Buffer.from(new Float32Array(array).buffer);

/** Runs a kernel `turns` times on the same operands. @returns the bits of the results of each turn */
function compute(backend: Backend, { operands, results, run }: Case, turns = 1): Buffer[][] {
  const mark = backend.enterArena();
  try {
    const place = (data: Float32Array | number): FloatArray => {
      const array = backend.allocate(typeof data === 'number' ? data : data.length);
      if (typeof data === 'number') array.fill(NaN);
      else array.set(data);
      return array;
    };
    const given = operands.map(place);
    return Array.from({ length: turns }, () => {
      const inner = backend.enterArena();
      const placed = results.map(place);
      run(backend, given, placed);
      const copies = placed.map(bits);
      backend.leaveArena(inner);
      return copies;
    });
  } finally {
    backend.leaveArena(mark);
  }
}

const n = 250_003;
const [x, y] = [noise(n, 1, -3, 3), noise(n, 2, 0.1, 3)];
const pixels = Uint8Array.from({ length: n }, (_, i) => (i * 31) % 256);
const wide: Shape = [7, 11, 29, 31];
const layout = { outer: 7, channels: 11, inner: 29 * 31 };
const planes = noise(sizeOf(wide), 3);
const [a11, b11, c11] = [noise(11, 4), noise(11, 5), noise(11, 6)];

const picked = Int32Array.from({ length: 23 }, (_, i) => (i * 5) % 11);

const conv = { batch: 7, inChannels: 5, height: 23, width: 19, outChannels: 11, kernelHeight: 5, kernelWidth: 4, strideHeight: 2 };
const convRest = { strideWidth: 1, padTop: 2, padLeft: 1, dilationHeight: 1, dilationWidth: 2, groups: 1 };
const outSizes = { outHeight: 12, outWidth: 15 };
const square = { kernelHeight: 3, kernelWidth: 3, strideHeight: 1, padTop: 1, dilationWidth: 1, outHeight: 23, outWidth: 19 };
const convolutions = {
  'with stride and dilation': { ...conv, ...convRest, ...outSizes },
  'in groups': { ...conv, ...convRest, ...outSizes, inChannels: 6, outChannels: 33, groups: 3 },
  '3 × 3': { ...conv, ...convRest, ...square, inChannels: 9, outChannels: 21 },
  'of many channels': { ...conv, ...convRest, ...outSizes, inChannels: 41, outChannels: 35 },
  '3 × 3 of many images': { ...conv, ...convRest, ...square, batch: 37, inChannels: 41, outChannels: 35 },
  depthwise: { ...conv, ...convRest, ...outSizes, inChannels: 13, outChannels: 13, groups: 13 },
};

const fused = { ...conv, ...convRest, ...square, padTop: 0, padLeft: 0, outHeight: 21, outWidth: 17 };
const fivefold = { ...fused, kernelHeight: 5, kernelWidth: 5, outHeight: 19, outWidth: 15 };
const pooledConvolutions = {
  '5 × 5 of few channels': { ...fivefold, inChannels: 2, outChannels: 31 },
  '5 × 5': { ...fivefold, inChannels: 17, outChannels: 35 },
  '3 × 3': { ...fused, inChannels: 9, outChannels: 21 },
};

const cases: Record<string, Case> = {
  fill: { operands: [], results: [n], run: (b, _, [out]) => b.fill(out, 1.5) },
  pixels: { operands: [], results: [n], run: (b, _, [out]) => b.scalePixels(pixels, out) },
  copy: { operands: [x], results: [n], run: (b, [x], [out]) => b.copy(x, out) },
  exp: { operands: [x], results: [n], run: (b, [x], [out]) => b.unary('exp', x, out) },
  relu: { operands: [x], results: [n], run: (b, [x], [out]) => b.unary('relu', x, out) },
  'relu backward': { operands: [x, y], results: [n], run: (b, [x, y], [out]) => b.reluBackward(y, x, out) },
  'x * 3': { operands: [x], results: [n], run: (b, [x], [out]) => b.binaryScalar('mul', x, 3, out) },
  'y ** 1.7': { operands: [y], results: [n], run: (b, [y], [out]) => b.binaryScalar('pow', y, 1.7, out) },
  'x / y': { operands: [x, y], results: [n], run: (b, [x, y], [out]) => b.binary('div', x, [n], y, [n], out, [n]) },
  'x - scalar': { operands: [x, y], results: [n], run: (b, [x, y], [out]) => b.binary('sub', x, [n], y.subarray(0, 1), [1], out, [n]) },
  'x + a number for each channel': {
    operands: [planes, a11],
    results: [planes.length],
    run: (b, [x, a], [out]) => b.binary('add', x, wide, a, [11, 1, 1], out, wide),
  },
  'an outer product': {
    operands: [x, y],
    results: [401 * 307],
    run: (b, [x, y], [out]) => b.binary('mul', x.subarray(0, 401), [401, 1], y.subarray(0, 307), [307], out, [401, 307]),
  },
  'add scaled': { operands: [x], results: [y], run: (b, [x], [out]) => b.addScaled(x, -0.3, out) },
  permuted: { operands: [planes], results: [planes.length], run: (b, [x], [out]) => b.permute(x, wide, [2, 0, 3, 1], out) },
  transposed: { operands: [planes], results: [planes.length], run: (b, [x], [out]) => b.permute(x, [7 * 11, 29 * 31], [1, 0], out) },
  'each matrix transposed': { operands: [planes], results: [planes.length], run: (b, [x], [out]) => b.permute(x, wide, [0, 1, 3, 2], out) },
  'repeated over other dimensions': {
    operands: [a11],
    results: [planes.length],
    run: (b, [x], [out]) => b.broadcastTo(x, [11, 1, 1], out, wide),
  },
  'one number repeated': { operands: [a11], results: [n], run: (b, [x], [out]) => b.broadcastTo(x.subarray(0, 1), [1], out, [n]) },
  'rows picked by indices': {
    operands: [planes],
    results: [7 * picked.length * 29 * 31, planes.length],
    run: (b, [x], [out, dx]) => {
      b.selectRows(x, picked, out, { outer: 7, size: 11, inner: 29 * 31 });
      b.selectRowsBackward(out, picked, dx, { outer: 7, size: 11, inner: 29 * 31 });
    },
  },
  'sums of channels': { operands: [planes], results: [11], run: (b, [x], [out]) => b.sumTo(x, wide, out, [1, 11, 1, 1]) },
  'sums of rows': { operands: [planes], results: [7 * 29], run: (b, [x], [out]) => b.sumTo(x, wide, out, [7, 1, 29, 1]) },
  'sums of columns': { operands: [planes], results: [29 * 31], run: (b, [x], [out]) => b.sumTo(x, wide, out, [29, 31]) },
  'a sum of all': { operands: [planes], results: [1], run: (b, [x], [out]) => b.sumTo(x, wide, out, []) },
  'log-softmax': {
    operands: [x],
    results: [5003 * 37],
    run: (b, [x], [out]) => b.logSoftmax(x.subarray(0, 5003 * 37), out, 5003, 37, 1),
  },
  'log-softmax of channels': { operands: [planes], results: [planes.length], run: (b, [x], [out]) => b.logSoftmax(x, out, 7, 11, 29 * 31) },
  'log-softmax backward': {
    operands: [x, y],
    results: [5003 * 37],
    run: (b, [x, y], [out]) => b.logSoftmaxBackward(x.subarray(0, 5003 * 37), y.subarray(0, 5003 * 37), out, 5003, 37, 1),
  },
  'channel moments': {
    operands: [planes],
    results: [11, 11],
    run: (b, [x], [mean, variance]) => b.channelMoments(x, mean, variance, layout),
  },
  'channel products': {
    operands: [x, planes, a11],
    results: [11, 11],
    run: (b, [g, x, mean], [sums, products]) => b.channelProducts(g.subarray(0, x.length), x, mean, sums, products, layout),
  },
  'channel scale': {
    operands: [planes, a11, b11, c11],
    results: [planes.length],
    run: (b, [x, mean, scale, shift], [out]) => b.channelScale(x, mean, scale, shift, out, layout),
  },
  'channel combine': {
    operands: [x, planes, a11, b11, c11],
    results: [planes.length],
    run: (b, [g, x, m, f, s], [out]) => b.channelCombine(g.subarray(0, x.length), x, m, f, s, m, out, layout),
  },
  'copied runs': {
    operands: [x],
    results: [noise(n, 9)],
    run: (b, [x], [out]) => b.copyRuns(x, { start: 3, step: 61 }, out, { start: 11, step: 59 }, 4001, 47),
  },
  resampling: {
    operands: [planes, noise(64, 7)],
    results: [77 * 15 * 13],
    run: (b, [x, weights], [out]) => {
      const bands = (inputs: number, outputs: number) => ({
        inputs,
        outputs,
        starts: Int32Array.from({ length: outputs }, (_, i) => i * 2),
        offsets: Int32Array.from({ length: outputs + 1 }, (_, i) => i * 3),
        weights,
      });
      b.resample2d(x, out, 77, bands(31, 15), bands(29, 13));
    },
  },
  linear: {
    operands: [x, y, noise(77, 8)],
    results: [91 * 77],
    run: (b, [x, w, bias], [out]) => b.linear(x.subarray(0, 91 * 603), w.subarray(0, 77 * 603), bias, out, 91, 603, 77),
  },
  'max pooling and its gradient': {
    operands: [planes],
    results: [77 * 15 * 16, planes.length],
    run: (b, [x], [out, dx]) => {
      const side = { kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 2, padTop: 1, padLeft: 1 };
      const geometry = { planes: 77, height: 29, width: 31, ...side, dilationHeight: 1, dilationWidth: 1, outHeight: 15, outWidth: 16 };
      const indices = b.allocateIndices(out.length);
      b.maxPool2d(x, out, indices, geometry);
      b.maxPool2dBackward(out, indices, dx, geometry);
    },
  },
  sgd: {
    operands: [x],
    results: [y, noise(n, 11)],
    run: (b, [g], [p, v]) =>
      b.sgd(p, g, v, { learningRate: 0.1, momentum: 0.9, dampening: 0.1, weightDecay: 0.01, nesterov: false, first: false }),
  },
  adam: {
    operands: [x],
    results: [noise(n, 12), noise(n, 13), y, y],
    run: (b, [g], [p, m, v, most]) => {
      const rates = { meanFactor: 0.01, gradientFactor: 0.001, rootCorrection: 0.3 };
      b.adam(p, g, m, v, most, { beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.01, ...rates });
    },
  },
  rmsprop: {
    operands: [x],
    results: [noise(n, 12), y, noise(n, 13), noise(n, 14)],
    run: (b, [g], [p, square, mean, velocity]) =>
      b.rmsprop(p, g, square, mean, velocity, { learningRate: 0.1, decay: 0.9, share: 0.1, eps: 1e-8, weightDecay: 0.1, momentum: 0.9 }),
  },
  adadelta: {
    operands: [x],
    results: [noise(n, 12), y, y],
    run: (b, [g], [p, square, steps]) => b.adadelta(p, g, square, steps, { learningRate: 1, rho: 0.9, eps: 1e-6, weightDecay: 0.1 }),
  },
  adamax: {
    operands: [x],
    results: [noise(n, 12), noise(n, 13), y],
    run: (b, [g], [p, mean, most]) => b.adamax(p, g, mean, most, { stepSize: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1 }),
  },
  ...Object.fromEntries((['sigmoid', 'gelu', 'elu', 'clamp'] as const).map((op) => [op, activationCase(op)])),
  ...Object.fromEntries(
    [false, true].flatMap((left) => [false, true].map((right) => [`matmul ${left} ${right}`, productCase(left, right)])),
  ),
  ...Object.fromEntries(Object.entries(convolutions).map(([name, geometry]) => [`convolution ${name}`, convolutionCase(geometry)])),
  ...Object.fromEntries(Object.entries(convolutions).map(([name, geometry]) => [`rectified convolution ${name}`, rectifiedCase(geometry)])),
  ...Object.fromEntries(Object.entries(pooledConvolutions).map(([name, geometry]) => [`pooled convolution ${name}`, pooledCase(geometry)])),
  'rectified linear': rectifiedLinearCase(891, 103, 77),
  'rectified linear of one sample': rectifiedLinearCase(1, 703, 277),
};

function pooledCase(geometry: (typeof pooledConvolutions)['5 × 5']): Case {
  const { batch, inChannels, height, width, outChannels, kernelHeight, kernelWidth, outHeight, outWidth } = geometry;
  const [rows, columns] = [Math.floor(outHeight / 2), Math.floor(outWidth / 2)];
  const inSize = batch * inChannels * height * width;
  const weightSize = outChannels * inChannels * kernelHeight * kernelWidth;
  const pooledSize = batch * outChannels * rows * columns;
  const planes = { planes: batch * outChannels, height: outHeight, width: outWidth, outHeight: rows, outWidth: columns };
  const windows = { kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2 };
  const pool = { ...planes, ...windows, padTop: 0, padLeft: 0, dilationHeight: 1, dilationWidth: 1 };
  return {
    operands: [noise(inSize, 40), noise(weightSize, 41), noise(outChannels, 42), noise(pooledSize, 43)],
    results: [pooledSize, inSize, weightSize, outChannels],
    run: (b, [x, weight, bias, g], [y, dx, dw, db]) => {
      const indices = b.allocateIndices(y.length);
      b.conv2dReluPool(x, weight, bias, y, indices, geometry, pool);
      b.conv2dReluPoolBackward(g, y, indices, x, weight, dx, dw, db, geometry, pool);
    },
  };
}

function rectifiedCase(geometry: (typeof convolutions)['in groups']): Case {
  const { operands, results } = convolutionCase(geometry);
  return {
    operands,
    results: [...results, geometry.outChannels],
    run: (b, [x, weight, bias, g], [y, dx, dw, db]) => {
      b.conv2dRelu(x, weight, bias, y, geometry);
      b.conv2dBackward(g, y, x, weight, dx, dw, db, geometry);
    },
  };
}

function rectifiedLinearCase(rows: number, inFeatures: number, outFeatures: number): Case {
  return {
    operands: [noise(rows * inFeatures, 50), noise(outFeatures * inFeatures, 51), noise(outFeatures, 52), noise(rows * outFeatures, 53)],
    results: [rows * outFeatures, rows * inFeatures, outFeatures * inFeatures, outFeatures],
    run: (b, [x, w, bias, g], [y, dx, dw, db]) => {
      b.linearRelu(x, w, bias, y, rows, inFeatures, outFeatures);
      b.linearBackward(g, y, x, w, dx, dw, db, rows, inFeatures, outFeatures);
    },
  };
}

function activationCase(op: Parameters<Backend['activation']>[0]): Case {
  return {
    operands: [x, y],
    results: [n, n],
    run: (b, [x, g], [out, dx]) => {
      b.activation(op, x, out, 1.1, 20);
      b.activationBackward(op, g, x, dx, 1.1, 20);
    },
  };
}

function productCase(transposeA: boolean, transposeB: boolean): Case {
  const [batch, m, n, k] = [3, 133, 141, 301];
  return {
    operands: [noise(batch * m * k, 20), noise(k * n, 21)],
    results: [batch * m * n],
    run: (b, [left, right], [out]) =>
      b.matmul(left, right, out, { batch, m, n, k, transposeA, transposeB, batchStrideA: m * k, batchStrideB: 0 }),
  };
}

function convolutionCase(geometry: (typeof convolutions)['in groups']): Case {
  const { batch, inChannels, height, width, outChannels, groups, kernelHeight, kernelWidth, outHeight, outWidth } = geometry;
  const [inSize, outSize] = [batch * inChannels * height * width, batch * outChannels * outHeight * outWidth];
  const weightSize = (outChannels * inChannels * kernelHeight * kernelWidth) / groups;
  return {
    operands: [noise(inSize, 30), noise(weightSize, 31), noise(outChannels, 32), noise(outSize, 33)],
    results: [outSize, inSize, weightSize],
    run: (b, [x, weight, bias, g], [out, dx, dw]) => {
      b.conv2d(x, weight, bias, out, geometry);
      b.conv2dBackwardInput(g, weight, dx, geometry);
      b.conv2dBackwardWeight(g, x, dw, geometry);
    },
  };
}

describe('two and three threads give the same bits as one:', () => {
  test.each(Object.entries(cases))('%s', (_, kernel) => {
    const [expected] = compute(alone, kernel);
    for (const team of teams) {
      // The threads may divide the work differently in each of the five repetitions.
      for (const results of compute(team, kernel, 5)) {
        const same = results.map((result, i) => result.equals(expected[i]));
        expect(same).toEqual(expected.map(() => true));
      }
    }
  });

  test('the cases contain every parallel kernel at a size for several threads', () => {
    expect(names.filter((name) => !shared.has(name))).toEqual([]);
  });

  test.each(Object.keys(goldenJobs))('a whole run, %s', async (name) => {
    const expected = await goldenHashes([name]);
    for (const team of teams) expect(await goldenHashes([name], () => team)).toEqual(expected);
  });
});
