// Tests schedulers as pure functions and as definitions. tests/conformance compares their rates with PyTorch.
import { Schedule } from '@trainyard/engine';
import { learningRateAt, type PlateauState, parse, schedulerSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';

const rates = (spec: object, base: number, indices: readonly number[]): number[] => {
  const parsed = schedulerSchema.parse(spec);
  return indices.map((index) => learningRateAt(parsed, base, index));
};

test('step falls after every stepSize epochs', () => {
  expect(rates({ type: 'step', stepSize: 2, gamma: 0.5 }, 0.8, [0, 1, 2, 3, 4, 5, 6])).toEqual([0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1]);
});

test('exponential falls by the same factor after every epoch', () => {
  expect(rates({ type: 'exponential', gamma: 0.5 }, 1, [0, 1, 2, 10])).toEqual([1, 0.5, 0.25, 0.0009765625]);
});

test('cosine falls to etaMin at tMax and swings back, the same in every later period', () => {
  const spec = { type: 'cosine', tMax: 10, etaMin: 0.001 };
  const [start, middle, bottom, back] = rates(spec, 0.1, [0, 5, 10, 20]);
  expect(start).toBe(0.1);
  expect(middle).toBeCloseTo(0.0505, 12);
  expect(bottom).toBe(0.001);
  expect(back).toBe(0.1);
  const period = Array.from({ length: 20 }, (_, i) => i);
  expect(
    rates(
      spec,
      0.1,
      period.map((i) => i + 20_000_000),
    ),
  ).toEqual(rates(spec, 0.1, period));
});

// As in PyTorch, each rate is computed from the previous one. After tMax the rate rises again.
test('cosine past its first fall equals PyTorch', () => {
  const expected = [0.1, 0.07525, 0.02575, 0.001, 0.02575, 0.07525, 0.1, 0.07525];
  rates({ type: 'cosine', tMax: 3, etaMin: 0.001 }, 0.1, [0, 1, 2, 3, 4, 5, 6, 7]).forEach((rate, i) =>
    expect(rate).toBeCloseTo(expected[i], 12),
  );
});

// Rates and momenta of PyTorch.
const close = (actual: readonly (number | null)[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(actual[i], `at ${i}`).toBeCloseTo(value, 10));
};

test.each([
  [
    'in three phases',
    { totalSteps: 10, threePhase: true },
    [0.02, 0.26, 0.5, 0.26, 0.02, 0.018090360927, 0.013090860927, 0.006911139073, 0.001911639073, 2e-6],
    [0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95],
  ],
  [
    'along straight lines',
    {
      totalSteps: 8,
      annealStrategy: 'linear',
      pctStart: 0.25,
      divFactor: 10,
      finalDivFactor: 100,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
    },
    [0.05, 0.5, 0.41675, 0.3335, 0.25025, 0.167, 0.08375, 0.0005],
    [0.9, 0.8, 0.816666666667, 0.833333333333, 0.85, 0.866666666667, 0.883333333333, 0.9],
  ],
])('oneCycle %s moves the rate up and down, and the momentum the other way', (_, options, learningRates, momenta) => {
  const schedule = new Schedule(schedulerSchema.parse({ type: 'oneCycle', maxLearningRate: 0.5, cycleMomentum: true, ...options }), 0.1);
  const steps = learningRates.map((_, step) => schedule.after(0, step));
  close(
    steps.map(({ learningRate }) => learningRate),
    learningRates,
  );
  close(
    steps.map(({ momentum }) => momentum),
    momenta,
  );
});

test('cosineWarmRestarts without tMult repeats one cycle', () => {
  close(
    rates({ type: 'cosineWarmRestarts', t0: 3, etaMin: 0.01 }, 0.1, [0, 1, 2, 3, 4, 5, 6, 7]),
    [0.1, 0.0775, 0.0325, 0.1, 0.0775, 0.0325, 0.1, 0.0775],
  );
});

test('multiStep counts a milestone that is given twice twice', () => {
  close(rates({ type: 'multiStep', milestones: [4, 2, 2] }, 0.1, [0, 1, 2, 3, 4, 5]), [0.1, 0.1, 0.001, 0.001, 0.0001, 0.0001]);
});

describe('reduceOnPlateau', () => {
  const values = [1, 1.005, 1, 1, 1, 1, 1, 1, 1, 1, 1, NaN, 2, 2];
  const follow = (schedule: Schedule, metric: readonly number[]): number[] =>
    metric.map((testLoss) => {
      const { learningRate } = schedule.after(0, 0);
      schedule.observe({ trainLoss: 0, testLoss, testAccuracy: null });
      return learningRate;
    });
  const upwards = { mode: 'max', factor: 0.5, patience: 1, threshold: 0.01, thresholdMode: 'abs', cooldown: 2, minLearningRate: 0.03 };

  test.each([
    ['upwards, with a cooldown and a lowest rate', upwards, [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, ...new Array<number>(7).fill(0.03)]],
    [
      'downwards, until a change is too small',
      { patience: 0 },
      [0.1, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, ...new Array<number>(6).fill(1e-8)],
    ],
  ])('equals PyTorch %s', (_, options, expected) => {
    const spec = schedulerSchema.parse({ type: 'reduceOnPlateau', ...options });
    close(follow(new Schedule(spec, 0.1), values), expected);
  });

  test('gives the same rates after its state was saved and loaded', () => {
    const spec = schedulerSchema.parse({ type: 'reduceOnPlateau', ...upwards });
    const undisturbed = new Schedule(spec, 0.1);
    const whole = follow(undisturbed, values);
    const before = new Schedule(spec, 0.1);
    const first = follow(before, values.slice(0, 5));
    const after = new Schedule(spec, 0.1);
    after.load(JSON.parse(JSON.stringify(before.state())) as PlateauState);
    expect([...first, ...follow(after, values.slice(5))]).toEqual(whole);
    expect(after.state()).toEqual(undisturbed.state());
  });

  test('does not change the rate if its metric is not measured', () => {
    const schedule = new Schedule(schedulerSchema.parse({ type: 'reduceOnPlateau', metric: 'testAccuracy', patience: 0 }), 0.1);
    expect(follow(schedule, values)).toEqual(values.map(() => 0.1));
  });
});

test('a schedule of a scheduler that counts has no state', () => {
  expect(new Schedule(schedulerSchema.parse({ type: 'linear' }), 0.1).state()).toBeNull();
  expect(new Schedule(undefined, 0.1).after(7, 70)).toEqual({ learningRate: 0.1, momentum: null });
});

test('the same index always gives the same rate', () => {
  const spec = { type: 'exponential', gamma: 0.97 };
  const forwards = rates(spec, 0.1, [0, 1, 2, 3, 4]);
  expect(rates(spec, 0.1, [4, 3, 2, 1, 0]).toReversed()).toEqual(forwards);
});

describe('a definition', () => {
  test("fills in PyTorch's defaults, and counts epochs", () => {
    expect(schedulerSchema.parse({ type: 'step', stepSize: 3 })).toEqual({ type: 'step', stepSize: 3, gamma: 0.1, interval: 'epoch' });
    expect(schedulerSchema.parse({ type: 'cosine', tMax: 3 })).toEqual({ type: 'cosine', tMax: 3, etaMin: 0, interval: 'epoch' });
    expect(schedulerSchema.parse({ type: 'linear' })).toEqual({
      type: 'linear',
      startFactor: 1 / 3,
      endFactor: 1,
      totalIters: 5,
      interval: 'epoch',
    });
    expect(schedulerSchema.parse({ type: 'constant' })).toEqual({ type: 'constant', factor: 1 / 3, totalIters: 5, interval: 'epoch' });
    expect(schedulerSchema.parse({ type: 'polynomial' })).toEqual({ type: 'polynomial', power: 1, totalIters: 5, interval: 'epoch' });
    expect(schedulerSchema.parse({ type: 'oneCycle', maxLearningRate: 1 })).toMatchObject({ interval: 'step', divFactor: 25 });
    expect(schedulerSchema.parse({ type: 'exponential', gamma: 0.9, interval: 'step' })).toMatchObject({ interval: 'step' });
  });

  test.each([
    [{ type: 'step', stepSize: 0 }, '/stepSize'],
    [{ type: 'step' }, '/stepSize'],
    [{ type: 'exponential' }, '/gamma'],
    [{ type: 'exponential', gamma: -1 }, '/gamma'],
    [{ type: 'cosine', tMax: 1.5 }, '/tMax'],
    [{ type: 'cosine', tMax: 5, interval: 'day' }, '/interval'],
    [{ type: 'reduceOnPlateau', interval: 'step' }, '/interval'],
    [{ type: 'reduceOnPlateau', factor: 1 }, '/factor'],
    [{ type: 'multiStep', milestones: [] }, '/milestones'],
    [{ type: 'linear', startFactor: 0 }, '/startFactor'],
    [{ type: 'oneCycle' }, '/maxLearningRate'],
  ])('refuses %j and points at the option', (spec, path) => {
    expect(parse(schedulerSchema, spec)).toMatchObject({ ok: false, problems: [{ path }] });
  });
});
