// Tests the metrics of test data against scikit-learn, which computed the cases of scikitLearn/metrics.json, and by hand.
import { readFileSync } from 'node:fs';
import { fromFlat, metricSums } from '@trainyard/engine';
import { goalOf, metricNames, tallyFor } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkSpec } from '@trainyard/engine/spec';
import { digits, eventsOf, run } from './runs.ts';

const scores = z.object({ precision: z.number(), recall: z.number(), f1: z.number() });
const bin = z.object({ samples: z.int(), meanProbability: z.number().nullable(), accuracy: z.number().nullable() });
const fixtures = z
  .object({
    classes: z.array(
      z.object({
        name: z.string(),
        classes: z.int(),
        outputs: z.array(z.number()),
        targets: z.array(z.int()),
        accuracy: z.number(),
        perClass: z.array(scores.extend({ support: z.int() })),
        macro: scores,
        weighted: scores,
        top5: z.number().nullable(),
        rocAuc: z.number().nullable(),
        calibration: z.array(bin),
      }),
    ),
    values: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.int()),
        outputs: z.array(z.number()),
        targets: z.array(z.number()),
        mae: z.number(),
        rmse: z.number(),
        r2: z.number().nullable(),
        perOutput: z.array(z.object({ mae: z.number(), rmse: z.number(), r2: z.number().nullable() })),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('scikitLearn/metrics.json', import.meta.url), 'utf8')));

const close = (value: number): unknown => expect.closeTo(value, 12) as unknown;
const closeOrNull = (value: number | null): unknown => (value === null ? null : close(value));
const closeScores = (of: z.infer<typeof scores>) => ({ precision: close(of.precision), recall: close(of.recall), f1: close(of.f1) });
const targetOf = (classes: number) => ({ kind: 'class' as const, classes: Array.from({ length: classes }, (_, i) => `class ${i}`) });

/** Splits samples into batches of three, so that sums of several batches are tested. */
function* batches(samples: number): Generator<readonly [from: number, to: number], void, void> {
  for (let from = 0; from < samples; from += 3) yield [from, Math.min(samples, from + 3)];
}

describe.for(fixtures.classes)('for $name', ({ classes, outputs, targets, ...expected }) => {
  test('the metrics of an epoch are those of scikit-learn', () => {
    const sums = metricSums(targetOf(classes));
    for (const [from, to] of batches(targets.length)) {
      sums.add(Float32Array.from(outputs.slice(from * classes, to * classes)), Int32Array.from(targets.slice(from, to)));
    }
    expect(sums.metrics).toEqual({
      testAccuracy: close(expected.accuracy),
      testF1: close(expected.macro.f1),
      ...(expected.top5 !== null && { testTop5: close(expected.top5) }),
    });
  });

  test('the evaluation has the scores, the ROC area and the calibration of scikit-learn', () => {
    const tally = tallyFor(targetOf(classes));
    for (const [from, to] of batches(targets.length)) {
      const output = fromFlat(outputs.slice(from * classes, to * classes), [to - from, classes]);
      tally.add(output, Int32Array.from(targets.slice(from, to)), () => output);
    }
    const support = targets.length;
    expect(tally.summary(1)).toMatchObject({
      perClass: expected.perClass.map((of) => ({ ...closeScores(of), support: of.support })),
      macro: { ...closeScores(expected.macro), support },
      weighted: { ...closeScores(expected.weighted), support },
      ...(classes === 2 && { rocAuc: closeOrNull(expected.rocAuc) }),
      calibration: expected.calibration.map(({ samples, meanProbability, accuracy }, i) => ({
        from: i / 10,
        to: (i + 1) / 10,
        samples,
        meanProbability: closeOrNull(meanProbability),
        accuracy: closeOrNull(accuracy),
      })),
    });
  });
});

test.for(fixtures.values)('for $name the metrics and the errors of each output are those of scikit-learn', (fixture) => {
  const { shape, outputs, targets, mae, rmse, r2, perOutput } = fixture;
  const size = perOutput.length;
  const sums = metricSums({ kind: 'values', shape });
  const tally = tallyFor({ kind: 'values', shape });
  for (const [from, to] of batches(targets.length / size)) {
    const output = fromFlat(outputs.slice(from * size, to * size), [to - from, ...shape]);
    const batch = Float32Array.from(targets.slice(from * size, to * size));
    sums.add(output.values, batch);
    tally.add(output, batch, () => output);
  }
  const relative = (value: number) => expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.max(1, Math.abs(value))))) as unknown;
  const relativeOrNull = (value: number | null): unknown => (value === null ? null : relative(value));
  expect(sums.metrics).toEqual({ testAccuracy: null, testMae: relative(mae), testRmse: relative(rmse), testR2: relativeOrNull(r2) });
  expect(tally.summary(1)).toMatchObject({
    outputs: perOutput.map((errors) => ({
      meanAbsoluteError: relative(errors.mae),
      rootMeanSquaredError: relative(errors.rmse),
      r2: relativeOrNull(errors.r2),
    })),
  });
});

test('of equal outputs, the five with the lowest indices count for the top-5 accuracy', () => {
  const sums = metricSums(targetOf(10));
  for (let target = 0; target < 10; target++) sums.add(new Float32Array(10), Int32Array.of(target));
  expect(sums.metrics.testTop5).toBe(0.5);
});

test('a sample with an output that is not finite is no prediction: it lowers recall, and precision of no class', () => {
  const sums = metricSums(targetOf(2));
  sums.add(Float32Array.of(Number.NaN, 1, 0, 1, 1, 0), Int32Array.of(1, 1, 0));
  expect(sums.metrics).toEqual({ testAccuracy: close(2 / 3), testF1: close((1 + 2 / 3) / 2) });
});

test('all metrics but losses and errors are better if they are larger', () => {
  expect(metricNames.filter((name) => goalOf(name) === 'minimize')).toEqual(['trainLoss', 'testLoss', 'testMae', 'testRmse']);
});

describe('in a run', () => {
  test('early stopping watches any metric, and the best epoch is the one with the largest F1', async () => {
    const { events, result } = await run({ ...digits, epochs: 30, earlyStopping: { metric: 'testF1', patience: 2 } });
    const epochs = eventsOf(events, 'epoch');
    const best = Math.max(...epochs.map(({ testF1 }) => testF1 ?? NaN));
    expect(result.stoppedEarly).toMatchObject({ metric: 'testF1', best, bestEpoch: epochs.find(({ testF1 }) => testF1 === best)?.epoch });
  });

  test('data of ten classes has F1 and top-5 accuracy, and no errors of values', async () => {
    const { events } = await run({ ...digits, epochs: 2 });
    for (const epoch of eventsOf(events, 'epoch')) {
      expect(epoch.testTop5).toBeGreaterThanOrEqual(epoch.testAccuracy ?? NaN);
      expect(epoch.testF1).toBeGreaterThan(0);
      expect(Object.keys(epoch)).not.toContain('testMae');
    }
  });

  test.for([
    ['testMae', digits.data, digits.loss, 'values as targets'],
    [
      'testF1',
      { dataset: 'random', inputShape: [6], targetShape: [10], samples: 9, testSplit: 0.3 },
      { type: 'mse' },
      'classes as targets',
    ],
    ['testR2', { dataset: 'random', inputShape: [6], targetShape: [10], samples: 9, testSplit: 0.1 }, { type: 'mse' }, '2 test samples'],
  ] as const)('early stopping on %s is refused where the data does not have it', ([metric, data, loss, needs]) => {
    expect(() => checkSpec({ ...digits, data, loss, earlyStopping: { metric } })).toThrow(needs);
  });
});
