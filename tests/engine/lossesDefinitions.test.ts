// Tests the definitions of losses: their options, and which outputs and targets they accept.
import type { Target } from '@trainyard/engine/data';
import { lossDefinitions, lossSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { expectRefusal } from '../support/expectRefusal.ts';

describe('a definition', () => {
  const digits: Target = { kind: 'class', classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] };
  const values: Target = { kind: 'values', shape: [10] };
  const anything = { min: -Infinity, max: Infinity };
  const check =
    (type: string, output: readonly number[], target: Target, range = anything, options: object = {}) =>
    () =>
      lossDefinitions.find((definition) => definition.type === type)?.check({ output, target, range }, { ...options });

  test('accepts an output that it can compare with the target', () => {
    expect(check('crossEntropy', [10], digits)).not.toThrow();
    expect(check('mse', [10], values)).not.toThrow();
    expect(check('mse', [1, 4, 4], { kind: 'values', shape: [1, 4, 4] })).not.toThrow();
    for (const type of ['l1', 'smoothL1', 'huber', 'bceWithLogits', 'klDiv']) expect(check(type, [10], values), type).not.toThrow();
    expect(check('bce', [10], values, { min: 0, max: 1 }, { weight: [2] })).not.toThrow();
    expect(check('nll', [10], digits, { min: -Infinity, max: 0 })).not.toThrow();
  });

  test.each([
    [
      'too few classes',
      check('crossEntropy', [5], digits),
      null,
      /crossEntropy needs the output \[10\].*got \[5\]: end with a linear layer of outFeatures 10/,
    ],
    [
      'a map instead of classes',
      check('crossEntropy', [16, 5, 5], digits),
      null,
      /got \[16, 5, 5\]: end with a flatten layer and a linear layer/,
    ],
    ['values instead of classes', check('crossEntropy', [10], values), 'type', /values of shape \[10\]: use the mse loss/],
    ['classes instead of values', check('mse', [10], digits), 'type', /labels of 10 classes: use the crossEntropy loss/],
    [
      'values of another shape',
      check('mse', [5], values),
      null,
      /targets' shape \[10\], got \[5\]: end with a linear layer of outFeatures 10/,
    ],
    ['classes for an absolute error', check('l1', [10], digits), 'type', /l1 needs targets that are values.*crossEntropy/],
    ['values for a likelihood', check('nll', [10], values), 'type', /nll needs targets that are class labels/],
    ['logits for probabilities', check('bce', [10], values), null, /bce needs probabilities.*-Infinity to Infinity: end with a sigmoid/],
    ['probabilities for logarithms', check('nll', [10], digits, { min: 0, max: 1 }), null, /nll needs log-probabilities.*of at least 0/],
    ['logarithms that are positive', check('klDiv', [10], values, { min: 0, max: 6 }), null, /end with a logSoftmax layer/],
    ['weights of other classes', check('crossEntropy', [10], digits, anything, { weight: [1, 2] }), 'weight', /2 weights.*10 classes/],
    [
      'weights of other features',
      check('bceWithLogits', [10], values, anything, { posWeight: [1, 2] }),
      'posWeight',
      /2 factors.*10 features/,
    ],
    ['values of more dimensions', check('mse', [5], { kind: 'values', shape: [2, 5] }), null, /\[2, 5\], got \[5\]/],
  ])('refuses %s with an error that names both and says what to do', (_, compute, field, message) => {
    expect(expectRefusal(compute, 'shapeMismatch', message)).toHaveProperty('field', field);
  });

  test("fills in PyTorch's defaults", () => {
    expect(lossSchema.parse({ type: 'crossEntropy' })).toEqual({
      type: 'crossEntropy',
      ignoreIndex: -100,
      labelSmoothing: 0,
      reduction: 'mean',
    });
    expect(lossSchema.parse({ type: 'smoothL1' })).toEqual({ type: 'smoothL1', reduction: 'mean', beta: 1 });
    expect(lossSchema.parse({ type: 'huber' })).toEqual({ type: 'huber', reduction: 'mean', delta: 1 });
    expect(lossSchema.parse({ type: 'nll' })).toEqual({ type: 'nll', reduction: 'mean', ignoreIndex: -100 });
    expect(lossSchema.parse({ type: 'klDiv' })).toEqual({ type: 'klDiv', reduction: 'mean', logTarget: false });
    for (const type of ['l1', 'bce', 'bceWithLogits']) expect(lossSchema.parse({ type })).toEqual({ type, reduction: 'mean' });
    expect(lossSchema.parse({ type: 'mse' })).toEqual({ type: 'mse', reduction: 'mean' });
  });

  test.each([
    { type: 'mse', reduction: 'none' },
    { type: 'crossEntropy', labelSmoothing: 1.1 },
    { type: 'crossEntropy', labelSmoothing: -0.1 },
    { type: 'nll', weight: [] },
    { type: 'huber', delta: 0 },
    { type: 'bceWithLogits', posWeight: -1 },
    { type: 'l1', reduction: 'batchmean' },
  ])('refuses %j', (spec) => {
    expect(lossSchema.safeParse(spec).success).toBe(false);
  });
});
