// Tests outputs that are not finite. They predict no class, count as wrong, and are counted separately.
import { countCorrect, fromFlat } from '@trainyard/engine';
import { type Evaluation, tallyFor } from '@trainyard/engine/spec';
import { expect, test } from 'vitest';
import { digits, eventsOf, run } from './runs.ts';

const classes = { kind: 'class', classes: ['a', 'b', 'c'] } as const;

function tallied(rows: readonly (readonly number[])[], labels: readonly number[]): { accuracy: number | null; summary: Evaluation } {
  const tally = tallyFor(classes);
  const output = fromFlat(rows.flat(), [rows.length, 3]);
  tally.add(output, Int32Array.from(labels), () => output);
  return { accuracy: tally.accuracy, summary: tally.summary(1) };
}

test.for([
  ['NaN everywhere', [Number.NaN, Number.NaN, Number.NaN]],
  ['NaN in the first place', [Number.NaN, 0, 1]],
  ['NaN in another place', [1, 0, Number.NaN]],
  ['infinity', [Infinity, 0, 1]],
  ['minus infinity', [0, -Infinity, -1]],
] as const)('a sample whose outputs are %s counts as wrong for any class', ([, outputs]) => {
  for (const label of [0, 1, 2]) {
    expect(countCorrect(outputs, [label], 3)).toBe(0);
    const { accuracy, summary } = tallied([outputs], [label]);
    expect(accuracy).toBe(0);
    expect(summary).toMatchObject({
      samples: 1,
      accuracy: 0,
      unclassified: 1,
      mostConfidentlyWrong: [],
      confusionMatrix: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
    });
  }
});

test('a sample with outputs that are not finite does not change how others are counted', () => {
  const { accuracy, summary } = tallied(
    [
      [0, 2, 1],
      [Number.NaN, 9, 9],
      [3, 1, 0],
      [1, 0, 1],
    ],
    [1, 1, 2, 0],
  );
  expect(accuracy).toBe(0.5);
  expect(summary).toMatchObject({
    unclassified: 1,
    confusionMatrix: [
      [1, 0, 0],
      [0, 1, 0],
      [1, 0, 0],
    ],
    mostConfidentlyWrong: [{ index: 2, trueClass: 2, predictedClass: 0, probability: 3 }],
  });
  expect(tallied([[1, 0, 0]], [0]).summary).not.toHaveProperty('unclassified');
});

test('a run whose outputs are NaN has an accuracy of 0 and no predicted classes', async () => {
  const wild = { ...digits, optimizer: { type: 'sgd', learningRate: 1e30 }, onNonFinite: 'continue' };
  const { events, result } = await run(wild);
  expect(result.testAccuracy).toBe(0);
  expect(eventsOf(events, 'evaluation').at(-1)).toMatchObject({ samples: 50, accuracy: 0, unclassified: 50, mostConfidentlyWrong: [] });
});
