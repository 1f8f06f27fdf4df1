// Tests properties of every operation for random shapes and options. Every backend gives the outputs and gradients of the reference.
// Gradients predict how the result changes after a small step in a random direction. A failure prints its seed.
import { type Backend, fromFlat, Generator, noGrad, ReferenceBackend, type Shape, type Tensor, withBackend } from '@trainyard/engine';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backends } from '../support/backends.ts';
import { expectClose } from '../support/expectClose.ts';
import { opTrials, type Trial } from '../support/opTrials.ts';

interface Answer {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** Returns the output and the gradients on a backend. The input values are float32 numbers on every backend. */
function answers(backend: Backend, { compute, shapes, low = -2, seed }: Trial): Answer[] {
  const generator = new Generator(seed);
  const draw = (shape: Shape, from: number): Float32Array =>
    generator.uniform_(new Float32Array(shape.reduce((a, b) => a * b, 1)), from, 2);
  return withBackend(backend, () => {
    const operands = shapes.map((shape) => fromFlat(draw(shape, low), shape, { requiresGrad: true }));
    const output = compute(...operands);
    output.backward(fromFlat(draw(output.shape, -2), output.shape));
    return [output, ...operands.map(({ grad }) => grad ?? output)].map((tensor) => ({ shape: tensor.shape, data: tensor.storage.slice() }));
  });
}

const oracle = new ReferenceBackend();
const others = backends.filter(({ name }) => name !== oracle.name);

describe.each(others)('$name agrees with the reference on', ({ make }) => {
  const tested = make();
  test.each(opTrials)('%s', (name, trial) => {
    fc.assert(
      fc.property(trial, (trial) => {
        const expected = answers(oracle, trial);
        // If the terms of a sum cancel, their rounding errors remain. No sum has more terms than the largest tensor has elements.
        const terms = trial.isElementwise === true ? 0 : Math.max(...expected.map(({ data }) => data.length));
        const tolerance = { absolute: 2e-5 + 1e-6 * terms, relative: 1e-4 };
        answers(tested, trial).forEach((answer, i) => {
          const actual = fromFlat(answer.data, answer.shape);
          expectClose(actual, expected[i], tolerance, i === 0 ? name : `gradient ${i} of ${name}`);
        });
      }),
      { numRuns: 60 },
    );
  });
});

/**
 * The length of the step. Values differ by more than this length from each other and from multiples of 1/2. At these multiples some
 * functions have no derivative.
 */
const STEP = 1e-6;
const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);

/** Returns values from `low` to 2 in random order. Any two of them differ by more than STEP. */
function spread(generator: Generator, shape: Shape, low: number): Float64Array {
  const size = sizeOf(shape);
  return Float64Array.from(generator.randperm(size), (place) => low + ((2 - low) * (place + 1 / Math.PI)) / size);
}

/** Expects that the gradients predict how the result changes after a step in a random direction. */
function checkDirection({ compute, shapes, low = -2, seed }: Trial): void {
  const generator = new Generator(seed);
  const draw = (size: number): Float64Array => generator.uniform_(new Float64Array(size), -1, 1);
  const starts = shapes.map((shape) => spread(generator, shape, low));
  const directions = shapes.map((shape) => draw(sizeOf(shape)));
  const operandsAt = (step: number): Tensor[] =>
    shapes.map((shape, i) =>
      fromFlat(
        starts[i].map((value, at) => value + step * directions[i][at]),
        shape,
        { requiresGrad: true },
      ),
    );
  const operands = operandsAt(0);
  const output = compute(...operands);
  const weights = fromFlat(draw(output.size), output.shape);
  output.backward(weights);
  const lossAt = (step: number): number =>
    noGrad(() =>
      compute(...operandsAt(step))
        .mul(weights)
        .sum()
        .item(),
    );
  const slope = operands.reduce(
    (sum, { grad }, i) => sum + directions[i].reduce((part, d, at) => part + d * (grad?.values[at] ?? NaN), 0),
    0,
  );
  const difference = (lossAt(STEP) - lossAt(-STEP)) / (2 * STEP);
  const scale = Math.max(1, Math.abs(slope), Math.abs(lossAt(0)));
  expect(Math.abs(slope - difference), `${slope} by gradients, ${difference} by differences`).toBeLessThanOrEqual(1e-6 * scale);
}

/**
 * Operations that compare their operands. Two operands may differ by less than the step, so only opsGradients.test.ts tests their
 * gradients.
 */
const withCorners = new Set(['maximum and minimum']);

describe('gradients predict the change of the result after a step in a random direction for', () => {
  test.each(opTrials.filter(([name]) => !withCorners.has(name)))('%s', (_, trial) => {
    withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
      fc.assert(fc.property(trial, checkDirection), { numRuns: 20 });
    });
  });
});
