// Compares the memory of the presets for photos with the estimate of the dry run, and tests which batch a spec that needs too much memory is
// told to use. Estimates of other networks are in memoryUse.test.ts.
import { setBackend, WasmBackend } from '@trainyard/engine';
import { checkSpec, defaultLimits, SpecError } from '@trainyard/engine/spec';
import { expect, test } from 'vitest';
import { photoPresets } from './networks.ts';
import { run } from './runs.ts';

const job = (preset: string, side: number, batchSize: number) => ({
  seed: 0,
  data: { dataset: 'random', inputShape: [3, side, side], targetShape: [10], samples: batchSize, batchSize },
  model: { preset },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 1e-6, momentum: 0.9 },
  epochs: 2,
});

test.each(photoPresets)('the memory of %s is at most the estimate of the dry run, and at least two thirds of it', async (preset) => {
  const body = job(preset, 96, 8);
  setBackend(new WasmBackend());
  const { totals } = checkSpec(body).summary;
  const { result } = await run(body);
  // A job makes copies to write its files. These copies are not tensors. The estimate includes them, `peakMemoryBytes` does not.
  const files = 4 * totals.parameters * 3;
  expect(result.peakMemoryBytes).toBeLessThanOrEqual(totals.memoryBytes);
  expect(totals.memoryBytes - files).toBeLessThanOrEqual(1.5 * result.peakMemoryBytes);
});

test('a spec that needs too much memory says which batch would fit', () => {
  const body = job('resnet18', 224, 256);
  const refusal = (() => {
    try {
      checkSpec(body);
    } catch (error) {
      if (error instanceof SpecError) return error.issues;
    }
    throw new Error('the spec was accepted');
  })();
  expect(refusal.map(({ path, code }) => [path, code])).toEqual([['/data/batchSize', 'limitExceeded']]);
  const batchSize = Number(/use a batch of at most (\d+),/.exec(refusal[0].message)?.[1]);
  expect(checkSpec({ ...body, data: { ...body.data, batchSize } }).summary.totals.memoryBytes).toBeLessThanOrEqual(
    defaultLimits.memoryBytes,
  );
  expect(() => checkSpec({ ...body, data: { ...body.data, batchSize: batchSize + 1 } })).toThrow(SpecError);
});

test('a spec whose single sample needs too much memory is told to change something else', () => {
  expect(() => checkSpec(job('resnet18', 224, 4), { ...defaultLimits, memoryBytes: 1e6 })).toThrow(
    /over the limit of 1000000: use fewer samples or smaller layers/,
  );
});
