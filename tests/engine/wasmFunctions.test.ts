// Tests the elementary functions of the wasm kernels: their accuracy over all floats, their results for special values, and the accuracy of
// long sums.
import { describe, expect, test } from 'vitest';
import { reference, wasm } from '../support/compareKernels.ts';

type FloatArray = ReturnType<typeof wasm.allocate>;

/** Returns the distance between neighbouring float32 numbers at the magnitude of x. */
function ulpAt(x: number): number {
  const magnitude = Math.max(Math.abs(x), 2 ** -126);
  const exponent = Math.floor(Math.log2(magnitude));
  return 2 ** ((2 ** exponent > magnitude ? exponent - 1 : exponent) - 23);
}

/** Yields every `step`th float32 number whose bits are in [from, to]. */
function floatsBetween(from: number, to: number, step: number): Float32Array {
  const bits = Uint32Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
  return new Float32Array(bits.buffer);
}

const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0];

function apply(op: Parameters<typeof wasm.unary>[0], x: Float32Array): FloatArray {
  const out = wasm.allocate(x.length);
  wasm.unary(op, x, out);
  return out;
}

function largestError(op: 'exp' | 'log', f: (x: number) => number, x: Float32Array): number {
  const y = apply(op, x);
  let largest = 0;
  for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(y[i] - f(x[i])) / ulpAt(f(x[i])));
  return largest;
}

const power = (a: readonly number[], exponent: number): number[] => {
  const out = wasm.allocate(a.length);
  wasm.binaryScalar('pow', Float32Array.from(a), exponent, out);
  return [...out];
};

describe('the wasm backend', () => {
  test('has an error of at most 1 ulp in exp, from subnormal to the largest results', () => {
    expect(largestError('exp', Math.exp, floatsBetween(bitsOf(0), bitsOf(88.7228), 1999))).toBeLessThan(1);
    expect(largestError('exp', Math.exp, floatsBetween(bitsOf(-0), bitsOf(-103.972), 1999))).toBeLessThan(1);
  });

  test('has an error of at most 1 ulp in log, from subnormal to the largest numbers', () => {
    expect(largestError('log', Math.log, floatsBetween(1, bitsOf(3.4028234663852886e38), 1999))).toBeLessThan(1);
    expect(largestError('log', Math.log, floatsBetween(bitsOf(0.99), bitsOf(1.01), 1))).toBeLessThan(1);
  });

  // The parameters are those of LayerKernels. Each bound is the largest measured error over every 1,009th float, rounded up.
  test.each([
    ['sigmoid', 0, 0, 0.51],
    ['tanh', 0, 0, 1.3],
    ['silu', 0, 0, 0.51],
    ['mish', 0, 0, 0.51],
    ['softplus', 1, 20, 0.51],
    ['softplus', 2.5, 20, 0.51],
    ['gelu', 0, 0, 0.6],
    ['geluTanh', 0, 0, 0.51],
    ['erf', 0, 0, 0.51],
    ['elu', 1, 0, 0.51],
    ['elu', 1.75, 0, 0.51],
  ] as const)('has in %s(%d, %d) an error of at most %d ulp over all float32 numbers', (op, a, b, bound) => {
    const half = floatsBetween(0, bitsOf(3.4028234663852886e38), 15_013);
    const x = Float32Array.from([...half, ...half.map((value) => -value)]);
    const [y, exact] = [wasm.allocate(x.length), new Float64Array(x.length)];
    wasm.activation(op, x, y, a, b);
    reference.activation(op, Float64Array.from(x), exact, a, b);
    let worst = 0;
    for (let i = 0; i < x.length; i++) worst = Math.max(worst, Math.abs(y[i] - exact[i]) / ulpAt(exact[i]));
    expect(worst).toBeLessThan(bound);
  });

  test('gives functions of special values as PyTorch does, in every lane and in the tail', () => {
    const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-45, 3.4e38, -3.4e38, 89, -110];
    const expected: Record<string, (x: number) => number> = {
      neg: (x) => -x,
      exp: (x) => Math.fround(Math.exp(x)),
      log: (x) => Math.fround(Math.log(x)),
      sqrt: (x) => Math.fround(Math.sqrt(x)),
      square: (x) => Math.fround(x * x),
      abs: Math.abs,
      relu: (x) => (x < 0 ? 0 : x),
    };
    const x = Float32Array.from([...special, ...special, ...special]);
    for (const op of ['neg', 'sqrt', 'square', 'abs', 'relu'] as const) {
      expect([...apply(op, x)], op).toEqual(Array.from(x, expected[op]));
    }
    for (const op of ['exp', 'log'] as const) {
      const wanted = Array.from(x, expected[op]);
      apply(op, x).forEach((y, i) => {
        if (Number.isFinite(wanted[i])) expect(Math.abs(y - wanted[i]), `${op}(${x[i]})`).toBeLessThanOrEqual(ulpAt(wanted[i]));
        else expect(y, `${op}(${x[i]})`).toBe(wanted[i]);
      });
    }
  });

  test('gives powers of special values as IEEE 754 does, and squares, cubes, roots and reciprocals by arithmetic', () => {
    expect(power([Number.NaN, 0, Infinity], 0)).toEqual([1, 1, 1]);
    expect(power([1, 1], Number.NaN)).toEqual([1, 1]);
    expect(power([-8, -8, 0, -0], 3)).toEqual([-512, -512, 0, -0]);
    expect(power([-1, -2], 0.7)).toEqual([Number.NaN, Number.NaN]);
    expect(power([-1, -1], Infinity)).toEqual([1, 1]);
    expect(power([0, 4, -2], -1)).toEqual([Infinity, 0.25, -0.5]);
    expect(power([2, 10, 0.5], 7)).toEqual([128, 1e7, 0.0078125]);
    expect(power([Number.NaN, 4], 0.5)).toEqual([Number.NaN, 2]);
  });

  test('does not spread a NaN in a log-softmax row to other rows', () => {
    const x = Float32Array.from([1, Number.NaN, 2, 0, 0, 0]);
    const out = wasm.allocate(6);
    wasm.logSoftmax(x, out, 2, 3, 1);
    expect([...out].map((value) => Number.isNaN(value))).toEqual([true, true, true, false, false, false]);
  });

  test('sums ten million numbers within 1e-6 of their float64 sum', () => {
    const n = 10_000_000;
    const mark = wasm.enterArena();
    const x = wasm.allocate(n);
    let state = 1;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      x[i] = (state >>> 8) / 2 ** 24;
      sum += x[i];
      squares += x[i] * x[i];
    }
    const total = wasm.allocate(1);
    wasm.sumTo(x, [n], total, []);
    expect(Math.abs(total[0] / sum - 1)).toBeLessThan(1e-6);
    const columns = wasm.allocate(10);
    wasm.sumTo(x, [n / 10, 10], columns, [10]);
    wasm.sumTo(columns, [10], total, []);
    expect(Math.abs(total[0] / sum - 1)).toBeLessThan(1e-6);
    expect(Math.abs(wasm.sumOfSquares(x) / squares - 1)).toBeLessThan(1e-12);
    wasm.leaveArena(mark);
  });
});
