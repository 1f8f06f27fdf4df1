// Balanced class weights: their numbers, the runs that use them, and the specs that cannot have them.
import { balancedWeights, setBackend, WasmBackend } from '@trainyard/engine';
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, eventsOf, run } from './runs.ts';

beforeEach(() => {
  setBackend(new WasmBackend());
});

/** A training part with these labels. */
const labelled = (labels: readonly number[], classes: number) => ({
  length: labels.length,
  inputShape: [1],
  inputs: new Float32Array(labels.length),
  target: { kind: 'class' as const, classes: Array.from({ length: classes }, (_, index) => `class ${index}`) },
  targets: Int32Array.from(labels),
});
const balanced = { ...digits, loss: { type: 'crossEntropy', weight: 'balanced' } };

describe('balanced class weights', () => {
  test('are those of scikit-learn: the samples, divided by the classes and by the samples of the class', () => {
    // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2, 0])
    expect(balancedWeights(labelled([0, 0, 0, 1, 2, 2, 0], 3))).toEqual([0.5833333333333334, 2.3333333333333335, 1.1666666666666667]);
  });

  test('are 0 for a class without samples, which still counts as a class', () => {
    expect(balancedWeights(labelled([0, 0, 3, 3], 4))).toEqual([0.5, 0, 0, 0.5]);
  });

  test('need classes', () => {
    expect(() => balancedWeights({ ...labelled([0], 1), target: { kind: 'values', shape: [1] } })).toThrow('the targets must be classes');
  });
});

describe('a job with balanced class weights', () => {
  test.each(['crossEntropy', 'nll'])('trains with %s as with the same list of weights, and its result has the numbers', async (type) => {
    const layers = [...digits.model.layers, ...(type === 'nll' ? [{ type: 'logSoftmax' }] : [])];
    const job = { ...digits, model: { layers }, loss: { type, weight: 'balanced' } };
    const { result } = await run(job);
    expect(result.classWeights).toHaveLength(10);
    const listed = await run({ ...job, loss: { type, weight: result.classWeights } });
    expect(result.weightsSha256).toBe(listed.result.weightsSha256);
    expect(result.bestTestLoss).toBe(listed.result.bestTestLoss);
    expect(listed.result).not.toHaveProperty('classWeights');
  });

  test('counts only the samples that it trains on', async () => {
    const job = { ...balanced, data: { ...digits.data, trainLimit: 30 } };
    const { classWeights = [] } = (await run(job)).result;
    const counts = classWeights.map((weight) => (weight === 0 ? 0 : 30 / (10 * weight)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeCloseTo(30, 9);
    for (const count of counts) expect(count).toBeCloseTo(Math.round(count), 9);
  });

  test('resumes from any checkpoint with the bits of an uninterrupted run', async () => {
    const whole = await run(balanced, { checkpointDue: () => true });
    for (const { bytes } of eventsOf(whole.events, 'checkpoint')) {
      setBackend(new WasmBackend());
      const { result } = await run(balanced, { resumeFrom: bytes });
      expect(result).toMatchObject({ weightsSha256: whole.result.weightsSha256, classWeights: whole.result.classWeights });
    }
  });

  test('keeps the word in its spec, and refuses another one with both forms', () => {
    expect(checkSpec(balanced).spec.loss).toMatchObject({ weight: 'balanced' });
    const issues = (): SpecError['issues'] => {
      try {
        checkSpec({ ...digits, loss: { type: 'crossEntropy', weight: 'even' } });
      } catch (error) {
        if (error instanceof SpecError) return error.issues;
        throw error;
      }
      return [];
    };
    expect(issues()).toMatchObject([{ path: '/loss/weight', message: expect.stringContaining('"balanced"') as string }]);
  });
});
