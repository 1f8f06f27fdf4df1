// Compares the wasm kernels for element-wise functions, sums, copies, softmax and optimizers with the plain loops of the reference, for
// random sizes with odd lengths and tails. wasmProducts.test.ts tests matrix products, convolutions and pooling.
import { assert, boolean, constantFrom, integer, property, record, shuffledSubarray, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, compareSums, lengths, noise, places, reference, seeds, sizeOf, upTo, wasm } from '../support/compareKernels.ts';

/** A shape and two shapes that broadcast to it. */
const broadcasting = tuple(
  integer({ min: 0, max: 4 }).chain((rank) => tuple(...Array.from({ length: rank }, () => upTo(6)))),
  tuple(...Array.from({ length: 4 }, () => constantFrom('both', 'left', 'right'))),
  integer({ min: 0, max: 4 }),
).map(([shape, sides, missing]) => {
  const left = shape.map((size, dim) => (sides[dim] === 'right' ? 1 : size));
  const right = shape.map((size, dim) => (sides[dim] === 'left' ? 1 : size));
  let drop = 0;
  while (drop < Math.min(missing, shape.length) && right[drop] === 1) drop++;
  return { shape, left, right: right.slice(drop) };
});

describe('the wasm backend gives the results of the reference', () => {
  test('for functions of one operand', () => {
    const ops = constantFrom('neg', 'exp', 'log', 'sqrt', 'square', 'abs', 'relu');
    assert(
      property(ops, places, lengths, seeds, (op, place, length, seed) => {
        compare(place, [noise(length, seed, -1, 3)], [length], (backend, [x], [out]) => backend.unary(op, x, out));
      }),
    );
  });

  test('for functions of two operands, broadcasting', () => {
    assert(
      property(constantFrom('add', 'sub', 'mul', 'div', 'pow'), places, broadcasting, seeds, (op, place, { shape, left, right }, seed) => {
        const [a, b] = [noise(sizeOf(left), seed, 0.5, 2), noise(sizeOf(right), seed + 1, 0.5, 2)];
        compare(place, [a, b], [sizeOf(shape)], (backend, [x, y], [out]) => backend.binary(op, x, left, y, right, out, shape));
        compare(place, [a, b], [sizeOf(shape)], (backend, [x, y], [out]) => backend.binary(op, y, right, x, left, out, shape));
      }),
    );
  });

  test('for an operand and a number, also in place', () => {
    const scalars = constantFrom(0, 1, 2, 3, 0.5, -1, -2, 1.7, -0.3);
    assert(
      property(constantFrom('add', 'sub', 'mul', 'div', 'pow'), scalars, places, lengths, seeds, (op, scalar, place, length, seed) => {
        const x = noise(length, seed, 0.5, 3);
        compare(place, [x], [length], (backend, [a], [out]) => backend.binaryScalar(op, a, scalar, out));
        compare(place, [], [x], (backend, _, [out]) => backend.binaryScalar(op, out, scalar, out));
      }),
    );
  });

  test('for all 256 pixel values at any position in a batch, with the bits of a division', () => {
    for (const length of [0, 1, 255, 256, 5_000]) {
      const pixels = Uint8Array.from({ length }, (_, i) => (i + (i >> 8)) % 256);
      compare('arena', [], [length], (backend, _, [out]) => backend.scalePixels(pixels, out), 0);
      const divided = Float32Array.from(pixels, (pixel) => Math.fround(pixel) / 255);
      const out = new Float32Array(length);
      wasm.scalePixels(pixels, out);
      expect(out).toEqual(divided);
    }
  });

  test('for sums in place, copies and fills', () => {
    assert(
      property(places, lengths, seeds, (place, length, seed) => {
        const [x, y] = [noise(length, seed), noise(length, seed + 1)];
        compare(place, [x], [y], (backend, [a], [out]) => backend.addScaled(a, -0.7, out));
        compare(place, [x], [length], (backend, [a], [out]) => backend.copy(a, out));
        compare(place, [], [length], (backend, _, [out]) => backend.fill(out, 0.3));
        compare(place, [x, y], [length], (backend, [g, a], [out]) => backend.reluBackward(g, a, out));
      }),
    );
  });

  test('for sums over any dimensions, and for broadcasting over them', () => {
    assert(
      property(places, broadcasting, seeds, (place, { shape, left, right }, seed) => {
        for (const target of [left, right, []]) {
          compareSums(place, [noise(sizeOf(shape), seed)], sizeOf(target), (backend, [x], [out]) => backend.sumTo(x, shape, out, target));
          compare(place, [noise(sizeOf(target), seed)], [sizeOf(shape)], (backend, [x], [out]) =>
            backend.broadcastTo(x, target, out, shape),
          );
        }
      }),
    );
  });

  test('for sums over shapes with long rows', () => {
    for (const [shape, target] of [
      [
        [64, 6, 28, 28],
        [1, 6, 1, 1],
      ],
      [[64, 120], [120]],
      [
        [7, 33, 19],
        [7, 1, 19],
      ],
      [
        [7, 33, 19],
        [1, 33, 1],
      ],
      [
        [37, 41],
        [37, 1],
      ],
    ]) {
      compareSums('arena', [noise(sizeOf(shape), 5)], sizeOf(target), (backend, [x], [out]) => backend.sumTo(x, shape, out, target));
    }
  });

  test('for permutations of dimensions', () => {
    const shapes = integer({ min: 1, max: 5 }).chain((rank) => {
      const axes = Array.from({ length: rank }, (_, axis) => axis);
      return tuple(tuple(...axes.map(() => upTo(9))), shuffledSubarray(axes, { minLength: rank, maxLength: rank }));
    });
    assert(
      property(places, shapes, seeds, (place, [shape, axes], seed) => {
        compare(place, [noise(sizeOf(shape), seed)], [sizeOf(shape)], (backend, [x], [out]) => backend.permute(x, shape, axes, out));
      }),
    );
  });

  test('for log-softmax over rows and over columns', () => {
    assert(
      property(places, upTo(5), upTo(21), upTo(9), seeds, (place, outer, size, inner, seed) => {
        const [x, g] = [noise(outer * size * inner, seed, -9, 9), noise(outer * size * inner, seed + 1)];
        compare(place, [x], [x.length], (backend, [a], [out]) => backend.logSoftmax(a, out, outer, size, inner));
        const y = x.map((value) => -Math.abs(value));
        compare(place, [g, y], [x.length], (backend, [a, b], [dx]) => backend.logSoftmaxBackward(a, b, dx, outer, size, inner));
      }),
    );
  });

  test("for the optimizers' steps", () => {
    const sgdSteps = record({
      learningRate: constantFrom(0.1, 0.003),
      momentum: constantFrom(0, 0.9),
      dampening: constantFrom(0, 0.4),
      weightDecay: constantFrom(0, 0.01),
      nesterov: boolean(),
      first: boolean(),
    });
    const adamSteps = record({
      learningRate: constantFrom(0.1, 0.003),
      beta1: constantFrom(0.9, 0.5),
      beta2: constantFrom(0.999, 0.7),
      eps: constantFrom(1e-8, 1e-3),
      weightDecay: constantFrom(0, 0.01),
      meanFactor: constantFrom(0.1, 0.003),
      gradientFactor: constantFrom(0, 0.02),
      rootCorrection: constantFrom(null, 1, 0.4),
    });
    const rmspropSteps = record({
      learningRate: constantFrom(0.1, 0.003),
      decay: constantFrom(1, 0.9),
      share: constantFrom(1, 0.1),
      eps: constantFrom(1e-8, 1e-3),
      weightDecay: constantFrom(0, 0.01),
      momentum: constantFrom(0, 0.9),
    });
    const others = record({
      learningRate: constantFrom(1, 0.01),
      stepSize: constantFrom(0.1, 0.01),
      rho: constantFrom(0.9, 0.5),
      beta1: constantFrom(0.9, 0.5),
      beta2: constantFrom(0.999, 0.7),
      eps: constantFrom(1e-6, 1e-3),
      weightDecay: constantFrom(0, 0.01),
    });
    assert(
      property(places, lengths, sgdSteps, adamSteps, boolean(), seeds, (place, length, sgd, adam, isAmsgrad, seed) => {
        const [param, grad, first] = [noise(length, seed), noise(length, seed + 1), noise(length, seed + 2)];
        const [second, largest] = [noise(length, seed + 3, 0.01, 1), noise(length, seed + 4, 0.01, 1)];
        compare(place, [grad], [param, first], (backend, [g], [p, v]) => backend.sgd(p, g, sgd.momentum === 0 ? null : v, sgd));
        compare(place, [grad], [param, first, second, largest], (backend, [g], [p, m, v, max]) =>
          backend.adam(p, g, m, v, isAmsgrad ? max : null, adam),
        );
      }),
    );
    assert(
      property(places, lengths, rmspropSteps, others, boolean(), seeds, (place, length, rmsprop, other, isCentered, seed) => {
        // If a step nearly cancelled the parameter, only rounding errors would remain.
        const [param, grad, mean] = [noise(length, seed, 8, 9), noise(length, seed + 1), noise(length, seed + 2, -0.1, 0.1)];
        const [square, velocity] = [noise(length, seed + 3, 0.1, 1), noise(length, seed + 4)];
        compare(place, [grad], [param, square, mean, velocity], (backend, [g], [p, v, m, buffer]) =>
          backend.rmsprop(p, g, v, isCentered && rmsprop.share < 1 ? m : null, rmsprop.momentum === 0 ? null : buffer, rmsprop),
        );
        compare(place, [grad], [param, square, square], (backend, [g], [p, v, d]) => backend.adadelta(p, g, v, d, other));
        compare(place, [grad], [param, mean, square], (backend, [g], [p, m, u]) => backend.adamax(p, g, m, u, other));
      }),
    );
  });

  test('for sums of squares', () => {
    assert(
      property(lengths, seeds, (length, seed) => {
        const x = noise(length, seed);
        expect(wasm.sumOfSquares(x)).toBeCloseTo(reference.sumOfSquares(x), 10);
      }),
    );
  });
});
