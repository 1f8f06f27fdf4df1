// Tests the gradients and evaluations that a run reports for each epoch. Reporting them does not change the run.
import { readFileSync } from 'node:fs';
import { type TrainingEvent, tensor } from '@trainyard/engine';
import { evaluationSchema, gradientSnapshotSchema, isInspected, tallyFor } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { readOwnConformance, type StoredTensor } from '../../conformance/conformanceDir.ts';
import { digits, eventsOf, run } from './runs.ts';

const tutorial: unknown = JSON.parse(readFileSync(new URL('../../../docs/examples/tutorial.json', import.meta.url), 'utf8'));

const parameterOf = (events: readonly TrainingEvent[], epoch: number, name: string) => {
  const found = eventsOf(events, 'gradients')
    .find((event) => event.epoch === epoch)
    ?.parameters.find((parameter) => parameter.name === name);
  if (found === undefined) throw new Error(`no gradient of ${name} in epoch ${epoch}`);
  return found;
};

describe('the gradients of an epoch', () => {
  test("are those that PyTorch's tutorial prints, before and after the backward pass", async () => {
    const runs = readOwnConformance<{ seed: number; 'conv1.bias.grad': StoredTensor }[]>('runs_tutorial.json');
    const expected = runs.find(({ seed }) => seed === 0)?.['conv1.bias.grad'];
    const { events } = await run({ ...(tutorial as object), seed: 0, epochs: 2 });
    const first = parameterOf(events, 1, 'conv1.bias');
    expect(first).toMatchObject({ shape: [6], before: [0, 0, 0, 0, 0, 0] });
    expect(first.after).toHaveLength(6);
    expected?.data.forEach((value, i) => expect(first.after?.[i]).toBeCloseTo(value, 7));
    expect(parameterOf(events, 2, 'conv1.bias')).toMatchObject({ before: [0, 0, 0, 0, 0, 0] });
    expect(parameterOf(events, 1, 'conv1.weight')).not.toHaveProperty('after');
  });

  test('have the statistics of their values and a histogram that counts each value once', async () => {
    const { events } = await run(digits);
    for (const parameter of eventsOf(events, 'gradients').flatMap(({ parameters }) => parameters)) {
      const { histogram, after, norm, mean, std, min, max, shape } = parameter;
      const size = shape.reduce((product, length) => product * length, 1);
      expect(histogram?.counts.reduce((sum, count) => sum + count, 0)).toBe(size);
      if (after === undefined) continue;
      const values = after.map(Number);
      const average = values.reduce((sum, value) => sum + value, 0) / size;
      expect(mean).toBeCloseTo(average, 12);
      expect(norm).toBeCloseTo(Math.hypot(...values), 12);
      expect(std).toBeCloseTo(Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (size - 1)), 12);
      expect([min, max]).toEqual([Math.min(...values), Math.max(...values)]);
      expect([histogram?.from, histogram?.to]).toEqual([min, max]);
    }
  });

  test('are reported once per epoch and fit their schema', async () => {
    const told = eventsOf((await run(digits)).events, 'gradients');
    expect(told.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    for (const { type: _type, ...snapshot } of told) expect(gradientSnapshotSchema.strict().parse(snapshot)).toEqual(snapshot);
  });

  test('are valid JSON if they are not finite, and contain the name of the value', async () => {
    const { events } = await run({ ...digits, onNonFinite: 'continue', optimizer: { type: 'sgd', learningRate: 1e30 } });
    const bias = parameterOf(events, 2, '3.bias');
    expect(bias).toMatchObject({ norm: null, mean: null, histogram: null });
    expect(bias.nonFinite).toMatchObject({ norm: 'nan', 'after/0': 'nan' });
    expect(bias.after).toEqual(Array.from({ length: 10 }, () => null));
    expect(JSON.parse(JSON.stringify(bias))).toEqual(bias);
  });

  test('are those before clipping', async () => {
    const free = await run(digits);
    const clipped = await run({ ...digits, gradientClipping: { maxNorm: 1e-6 } });
    expect(parameterOf(clipped.events, 1, '3.bias').norm).toBe(parameterOf(free.events, 1, '3.bias').norm);
  });

  test('are not reported for an epoch that began before the checkpoint', async () => {
    const whole = await run(digits, { checkpointDue: ({ epoch, step }) => epoch === 1 && step === 3 });
    const [midway] = eventsOf(whole.events, 'checkpoint');
    if (midway === undefined) throw new Error('there was no checkpoint');
    const resumed = await run(digits, { resumeFrom: midway.bytes });
    expect(eventsOf(resumed.events, 'gradients')).toEqual([]);
    expect(eventsOf(resumed.events, 'evaluation')).toEqual(eventsOf(whole.events, 'evaluation').slice(1));
  });
});

describe('the evaluation of an epoch', () => {
  test('contains the confusion matrix of the classes, which gives the reported accuracy', async () => {
    const { events } = await run(digits);
    const [metrics] = eventsOf(events, 'epoch');
    const [told] = eventsOf(events, 'evaluation');
    if (told?.kind !== 'classes') throw new Error('no evaluation of classes');
    const { type: _type, ...evaluation } = told;
    expect(evaluationSchema.parse(evaluation)).toEqual(evaluation);
    const matrix = told.confusionMatrix ?? [];
    expect(matrix.flat().reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(matrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0) / 50).toBe(metrics?.testAccuracy);
    expect(told.accuracy).toBe(metrics?.testAccuracy);
    told.perClass.forEach(({ samples, correct, accuracy }, i) => {
      expect(samples).toBe(matrix[i]?.reduce((sum, count) => sum + count, 0));
      expect(correct).toBe(matrix[i]?.[i]);
      expect(accuracy).toBe(samples === 0 ? null : correct / samples);
    });
    const wrong = told.mostConfidentlyWrong;
    expect(wrong.length).toBe(Math.min(20, 50 - Math.round(50 * told.accuracy)));
    expect(wrong.map(({ probability }) => probability)).toEqual(wrong.map(({ probability }) => probability).toSorted((a, b) => b - a));
    for (const { index, trueClass, predictedClass, probability } of wrong) {
      expect(index).toBeLessThan(50);
      expect(trueClass).not.toBe(predictedClass);
      expect(probability).toBeGreaterThan(0.1);
      expect(probability).toBeLessThanOrEqual(1);
    }
  });

  test('for data with values contains the errors of each output, and names numbers that are not finite', () => {
    const tally = tallyFor({ kind: 'values', shape: [2] });
    const add = (outputs: number[][], targets: number[]) => {
      const output = tensor(outputs);
      tally.add(output, Float32Array.from(targets), () => output);
    };
    add([[1, 2]], [0, 4]);
    add(
      [
        [3, 1],
        [-1, 1],
      ],
      [1, 4, 1, NaN],
    );
    const rest = { meanError: null, meanAbsoluteError: null, rootMeanSquaredError: null, r2: null };
    expect(tally.summary(7)).toEqual({
      kind: 'values',
      epoch: 7,
      samples: 3,
      outputs: [
        {
          index: 0,
          meanError: 1 / 3,
          meanAbsoluteError: 5 / 3,
          rootMeanSquaredError: Math.sqrt(3),
          r2: expect.closeTo(-12.5, 10) as number,
        },
        { index: 1, ...rest },
      ],
      nonFinite: {
        'outputs/1/meanError': 'nan',
        'outputs/1/meanAbsoluteError': 'nan',
        'outputs/1/rootMeanSquaredError': 'nan',
        'outputs/1/r2': 'nan',
      },
    });
    expect(tally.accuracy).toBeNull();
  });
});

test('reporting gradients and evaluations does not change a run and can be switched off', async () => {
  const seen = await run(digits);
  const unseen = await run(digits, { inspect: false });
  expect(unseen.result.weightsSha256).toBe(seen.result.weightsSha256);
  expect(unseen.events.filter(({ type }) => type === 'gradients' || type === 'evaluation')).toEqual([]);
});

test('all epochs of a short run are reported, and fewer and fewer epochs of a run with thousands', () => {
  const of = (epochs: number) => Array.from({ length: epochs }, (_, i) => i + 1).filter((epoch) => isInspected(epoch, epochs));
  expect(of(1000)).toHaveLength(1000);
  expect(of(1025).slice(-3)).toEqual([1010, 1020, 1025]);
  expect(of(100_000)).toHaveLength(1000 + 900 + 900);
});
