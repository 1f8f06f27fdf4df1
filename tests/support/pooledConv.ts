// Compares convolution, rectifier and pooling in one operation with the separate steps of the reference backend in float64. If two values
// of a window differ by less than the rounding error, a backend may choose either of them as the maximum. So the reference computes the
// gradients for the maxima that the tested backend has chosen.
import { ReferenceBackend, type WasmBackend } from '@trainyard/engine';
import { expect } from 'vitest';
import { type FloatArray, largestOf, noise } from './compareKernels.ts';

type ConvGeometry = Parameters<WasmBackend['conv2dReluPool']>[5];
type PoolGeometry = Parameters<WasmBackend['conv2dReluPool']>[6];
export type Geometries = readonly [ConvGeometry, PoolGeometry];

const reference = new ReferenceBackend({ dtype: 'float64' });

export interface Sizes {
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

export function geometries(sizes: Sizes): Geometries {
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

export interface Operands {
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly g: Float32Array;
}

export interface Results {
  readonly y: FloatArray;
  readonly indices: Int32Array;
  readonly dx: FloatArray;
  readonly dw: FloatArray;
  readonly db: FloatArray;
}

export function operandsOf([conv, pool]: Geometries, seed: number, value: (x: number) => number = (x) => x): Operands {
  const { batch, inChannels, outChannels, height, width, kernelHeight, kernelWidth } = conv;
  return {
    x: noise(batch * inChannels * height * width, seed).map(value),
    weight: noise(outChannels * inChannels * kernelHeight * kernelWidth, seed + 1).map(value),
    bias: seed % 3 === 0 ? null : noise(outChannels, seed + 2).map(value),
    g: noise(pool.planes * pool.outHeight * pool.outWidth, seed + 3),
  };
}

/** Returns all results. The backward pass uses the results of the backend's own forward pass. */
export function run(backend: ReferenceBackend | WasmBackend, operands: Operands, [conv, pool]: Geometries): Results {
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

export interface Accuracy {
  /** The allowed error of a result, relative to the sum of its terms' magnitudes. */
  readonly tolerance?: number;
  /**
   * Whether the algorithm mixes the terms of several results, as Winograd's does. If so, the error of every result may be as large as the
   * error that is allowed for the result with the largest sum.
   */
  readonly mixes?: boolean;
}

/** Results that are sums, each with the sum of its terms' magnitudes. Rounding errors are proportional to it. */
interface Sums {
  readonly values: Float64Array;
  readonly magnitudes: Float64Array;
}

const usual = { tolerance: 4e-6, mixes: false };

/** Expects that each result is within its allowed error. NaN equals NaN. */
export function expectNear(actual: FloatArray, { values, magnitudes }: Sums, what: string, accuracy: Accuracy = {}): void {
  const { tolerance, mixes } = { ...usual, ...accuracy };
  const largest = largestOf(magnitudes);
  for (let i = 0; i < values.length; i++) {
    const bound = tolerance * (mixes ? largest : Math.abs(magnitudes[i]));
    const isNear = Object.is(actual[i], values[i]) || Math.abs(actual[i] - values[i]) <= bound;
    if (!isNear) expect.fail(`${what}: element ${i} of ${values.length} is ${actual[i]}, expected ${values[i]}`);
  }
}

const inFloat64 = (data: Float32Array, change: (value: number) => number): Float64Array => new Float64Array(data).map(change);
const same = (value: number): number => value;

/** Computes the convolution without rectifier and pooling. */
function convolved({ x, weight, bias }: Operands, [conv, pool]: Geometries, change: (value: number) => number): Float64Array {
  const out = new Float64Array(pool.planes * pool.height * pool.width);
  const shift = bias === null ? null : inFloat64(bias, change);
  reference.conv2d(inFloat64(x, change), inFloat64(weight, change), shift, out, conv);
  return out;
}

interface PooledSums extends Sums {
  readonly indices: Int32Array;
  /** The convolution without rectifier and pooling. */
  readonly convolved: Float64Array;
}

/** The sums for each set of operands. They are kept, because tests compare several backends with the same operands. */
const knownSums = new WeakMap<Operands, PooledSums>();

/** Computes the pooled result and the positions of its maxima. */
export function pooledSums(operands: Operands, sizes: Geometries): PooledSums {
  const known = knownSums.get(operands);
  if (known !== undefined) return known;
  const pooled = (values: Float64Array, indices: Int32Array): Float64Array => {
    const [rectified, out] = [new Float64Array(values.length), new Float64Array(operands.g.length)];
    reference.unary('relu', values, rectified);
    reference.maxPool2d(rectified, out, indices, sizes[1]);
    return out;
  };
  const [values, magnitudes] = [convolved(operands, sizes, same), convolved(operands, sizes, Math.abs)];
  const indices = new Int32Array(operands.g.length);
  const sums = { convolved: values, values: pooled(values, indices), magnitudes: pooled(magnitudes, indices.slice()), indices };
  knownSums.set(operands, sums);
  return sums;
}

/** Computes the gradient of the bias: the sum of the gradients that pass the rectifier and the pooling. */
export function biasGradientAt({ y, indices }: Results, { x, weight, g }: Operands, [conv, pool]: Geometries): Sums {
  const backward = (change: (value: number) => number): Float64Array => {
    const db = new Float64Array(conv.outChannels);
    reference.conv2dReluPoolBackward(inFloat64(g, change), new Float64Array(y), indices, x, weight, null, null, db, conv, pool);
    return db;
  };
  return { values: backward(same), magnitudes: backward(Math.abs) };
}

type Gradient = 'dx' | 'dw' | 'db';

type Gradients = Readonly<Record<Gradient, Sums>>;

/** For each set of operands: the gradients that were computed last, and the results of the backend for which they were computed. */
const knownGradients = new WeakMap<Operands, { readonly taken: Results; readonly gradients: Gradients }>();

/** Returns whether gradients flow to the same positions through `a` and `b`. */
const isSameWay = (a: Results, b: Results): boolean =>
  a.y.every((value, i) => value <= 0 === b.y[i] <= 0 && (value <= 0 || a.indices[i] === b.indices[i]));

/** Computes the gradients on the reference, for the maxima that a backend has chosen. */
export function gradientsAt(taken: Results, operands: Operands, sizes: Geometries): Gradients {
  const known = knownGradients.get(operands);
  if (known !== undefined && isSameWay(known.taken, taken)) return known.gradients;
  const gradients = computeGradients(taken, operands, sizes);
  knownGradients.set(operands, { taken, gradients });
  return gradients;
}

function computeGradients({ y, indices }: Results, { x, weight, g }: Operands, [conv, pool]: Geometries): Gradients {
  const backward = (change: (value: number) => number): Record<Gradient, Float64Array> => {
    const [dx, dw, db] = [x.length, weight.length, conv.outChannels].map((length) => new Float64Array(length));
    const [input, kernel] = [inFloat64(x, change), inFloat64(weight, change)];
    reference.conv2dReluPoolBackward(inFloat64(g, change), new Float64Array(y), indices, input, kernel, dx, dw, db, conv, pool);
    return { dx, dw, db };
  };
  const [values, magnitudes] = [backward(same), backward(Math.abs)];
  const sums = (name: Gradient): Sums => ({ values: values[name], magnitudes: magnitudes[name] });
  return { dx: sums('dx'), dw: sums('dw'), db: sums('db') };
}

/** Expects that each chosen maximum is in its window, and is smaller than the true maximum by at most the rounding error. */
function expectMaxima({ y, indices }: Results, [, pool]: Geometries, sums: PooledSums, accuracy: Accuracy): void {
  const { tolerance, mixes } = { ...usual, ...accuracy };
  const largest = largestOf(sums.magnitudes);
  const windows = pool.outHeight * pool.outWidth;
  for (let i = 0; i < y.length; i++) {
    // If the rectifier's result is 0, any position is correct.
    if (!(y[i] > 0)) continue;
    const window = [Math.floor((i % windows) / pool.outWidth), i % pool.outWidth];
    const position = [Math.floor(indices[i] / pool.width), indices[i] % pool.width];
    const isInWindow = position.every((at, side) => at >> 1 === window[side]);
    if (!isInWindow) expect.fail(`result ${i}: the maximum at ${position.join(', ')} is not in its window ${window.join(', ')}`);
    const taken = sums.convolved[Math.floor(i / windows) * pool.height * pool.width + indices[i]];
    // Both values have a rounding error.
    const bound = 2 * tolerance * (mixes ? largest : sums.magnitudes[i]);
    if (sums.values[i] - taken > bound) expect.fail(`result ${i}: ${taken} was chosen, the maximum is ${sums.values[i]}`);
  }
}

/** Expects the results of the reference, for any choice between almost equal maxima. @returns the results of the reference */
export function expectAsReference(backend: WasmBackend, operands: Operands, sizes: Geometries, accuracy: Accuracy = {}): Results {
  const actual = run(backend, operands, sizes);
  const sums = pooledSums(operands, sizes);
  expectNear(actual.y, sums, 'y', accuracy);
  expectMaxima(actual, sizes, sums, accuracy);
  const gradients = gradientsAt(actual, operands, sizes);
  for (const name of ['dx', 'dw', 'db'] as const) expectNear(actual[name], gradients[name], name, accuracy);
  return actual;
}
