// Frozen weights: a job with `freeze` leaves them as they are, computes no gradients for them, and resumes with the same bits.
import { setBackend, WasmBackend } from '@trainyard/engine';
import { decodeSafetensors } from '@trainyard/engine/formats';
import { nodeThreads } from '@trainyard/engine/node';
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventsOf, run } from './runs.ts';

beforeEach(() => {
  setBackend(new WasmBackend());
});

const conv = { type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 };

/** Three epochs of three steps. A frozen layer, a frozen batch norm and a trained batch norm come before the trained layers. */
const body = {
  seed: 5,
  data: { dataset: 'digits', trainLimit: 44, testLimit: 20, batchSize: 16 },
  model: {
    layers: [
      { ...conv, name: 'conv1' },
      { type: 'batchNorm2d', name: 'bn1' },
      { type: 'relu' },
      { type: 'residual', name: 'block', layers: [conv, { type: 'batchNorm2d' }] },
      { ...conv, name: 'conv2' },
      { type: 'batchNorm2d', name: 'bn2' },
      { type: 'dropout', p: 0.2 },
      { type: 'flatten' },
      { type: 'linear', name: 'fc', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam', learningRate: 0.01, weightDecay: 0.1 },
  epochs: 3,
};
const frozen = { ...body, freeze: ['conv1', 'bn1', 'block.*.1.*', 'conv2.weight'] };

/** Returns the final tensors of a run by name. */
async function tensorsAfter(job: object, epochs: number): Promise<ReadonlyMap<string, readonly number[]>> {
  const { weights } = await run({ ...job, epochs });
  return new Map(decodeSafetensors(weights).tensors.map(({ name, data }) => [name, Array.from(data, Number)]));
}

function problemsOf(job: object): readonly { path: string; message: string; code: string }[] {
  try {
    checkSpec(job);
  } catch (error) {
    if (error instanceof SpecError) return error.issues;
    throw error;
  }
  return [];
}

describe('a job with frozen weights', () => {
  test('leaves them and the statistics of their batch norms as they are, also with weight decay, and trains the others', async () => {
    const [once, thrice] = [await tensorsAfter(frozen, 1), await tensorsAfter(frozen, 3)];
    const unchanged = [...once].filter(([name, values]) => String(values) === String(thrice.get(name))).map(([name]) => name);
    const ofNorm = (norm: string): string[] =>
      ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((name) => `${norm}.${name}`);
    expect(unchanged.toSorted()).toEqual(
      ['conv1.weight', 'conv1.bias', 'conv2.weight', ...ofNorm('bn1'), ...ofNorm('block.layers.1')].toSorted(),
    );
    expect(thrice.get('bn1.running_mean')).toEqual([0, 0, 0, 0]);
    expect(thrice.get('bn2.num_batches_tracked')).toEqual([9]);
  });

  test('reports how many parameters it trained, and names the frozen ones beside the gradients of the others', async () => {
    const { result, events } = await run(frozen);
    const all = 40 + 8 + 148 + 8 + 148 + 8 + (4 * 28 * 28 + 1) * 10;
    expect(result.parameters).toBe(all);
    expect(result.trainedParameters).toBe(all - 40 - 8 - 8 - 144);
    expect((await run(body)).result.trainedParameters).toBe(all);
    const [gradients] = eventsOf(events, 'gradients');
    expect(gradients.frozen).toEqual([
      'conv1.weight',
      'conv1.bias',
      'bn1.weight',
      'bn1.bias',
      'block.layers.1.weight',
      'block.layers.1.bias',
      'conv2.weight',
    ]);
    expect(gradients.parameters.map(({ name }) => name)).toEqual([
      'block.layers.0.weight',
      'block.layers.0.bias',
      'conv2.bias',
      'bn2.weight',
      'bn2.bias',
      'fc.weight',
      'fc.bias',
    ]);
    expect(eventsOf((await run(body)).events, 'gradients')[0]).not.toHaveProperty('frozen');
  });

  test('resumes from any checkpoint with the bits of an uninterrupted run, on any number of threads', async () => {
    const whole = await run(frozen, { checkpointDue: () => true });
    for (const { bytes } of eventsOf(whole.events, 'checkpoint')) {
      setBackend(new WasmBackend());
      expect((await run(frozen, { resumeFrom: bytes })).result.weightsSha256).toBe(whole.result.weightsSha256);
    }
    const backend = new WasmBackend({ threads: nodeThreads(3) });
    setBackend(backend);
    try {
      expect((await run({ ...frozen, threads: 3 })).result.weightsSha256).toBe(whole.result.weightsSha256);
    } finally {
      await backend.close();
    }
  });

  test('continues a run in which other weights were frozen', async () => {
    const first = await run({ ...frozen, epochs: 1 }, { checkpointDue: () => true });
    const resumeFrom = eventsOf(first.events, 'checkpoint').at(-1)?.bytes;
    const { weights, result } = await run({ ...frozen, freeze: ['fc'] }, resumeFrom === undefined ? {} : { resumeFrom });
    const tensors = (file: Uint8Array): Map<string, string> =>
      new Map(decodeSafetensors(file).tensors.map(({ name, data }) => [name, String(data)]));
    const [before, after] = [tensors(first.weights), tensors(weights)];
    expect(after.get('fc.weight')).toBe(before.get('fc.weight'));
    expect(after.get('conv1.weight')).not.toBe(before.get('conv1.weight'));
    expect(result.trainedParameters).toBe(40 + 8 + 148 + 8 + 148 + 8);
  });
});

describe('the dry run of a job with frozen weights', () => {
  test('estimates less time and memory than without, and the same layers', () => {
    const [all, some] = [checkSpec(body).summary, checkSpec({ ...body, freeze: ['conv1', 'bn1', 'block', 'conv2', 'bn2'] }).summary];
    expect(some.layers).toEqual(all.layers);
    expect(some.totals.parameters).toBe(all.totals.parameters);
    expect(some.totals.memoryBytes).toBeLessThan(all.totals.memoryBytes);
    expect(some.totals.seconds).toBeLessThan(all.totals.seconds);
  });

  test.each([['conv1'], ['conv1', 'bn1', 'block'], ['fc'], ['conv2', 'fc.weight']])(
    'estimates at least the memory that is used, with %s',
    async (...freeze) => {
      const job = { ...body, data: { ...body.data, batchSize: 40 }, freeze };
      const { result } = await run(job);
      expect(result.peakMemoryBytes).toBeLessThanOrEqual(checkSpec(job).summary.totals.memoryBytes);
    },
  );
});

describe('a spec with frozen weights is refused', () => {
  test('for a pattern that matches nothing, with its place and the nearest names', () => {
    expect(problemsOf({ ...body, freeze: ['conv1', 'conv3.*'] })).toEqual([
      {
        path: '/freeze/1',
        message: '"conv3.*" matches no weight of the model: the nearest names are "conv1", "conv2", "bn1"',
        code: 'unknownWeight',
      },
    ]);
  });

  test('if it leaves nothing to train', () => {
    expect(problemsOf({ ...body, freeze: ['*'] })).toEqual([
      {
        path: '/freeze',
        message: 'all weights of the model are frozen, so there is nothing to train: leave out a pattern',
        code: 'nothingToLearn',
      },
    ]);
  });

  test('for an empty list and for an empty pattern', () => {
    expect(problemsOf({ ...body, freeze: [] })).toMatchObject([{ path: '/freeze', code: 'tooSmall' }]);
    expect(problemsOf({ ...body, freeze: [''] })).toMatchObject([{ path: '/freeze/0', code: 'tooSmall' }]);
  });
});
