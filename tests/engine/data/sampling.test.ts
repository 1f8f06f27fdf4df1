// The sampling of an epoch: the balanced orders of PyTorch, what a spec may say, and runs whose samples are drawn in this way.
import { Generator, setBackend, WasmBackend } from '@trainyard/engine';
import { balancedOrder, type Dataset, InlineLoader, transformSchema } from '@trainyard/engine/data';
import { decodeSafetensors, encodeSafetensors } from '@trainyard/engine/formats';
import { AheadLoader, openLoader } from '@trainyard/engine/node';
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { beforeEach, describe, expect, test } from 'vitest';
import torchOrders from '../../support/torchSampling/orders.json' with { type: 'json' };
import { digits, eventsOf, run } from '../training/runs.ts';

beforeEach(() => {
  setBackend(new WasmBackend());
});

/** Images of 4 × 4 pixels with these labels. */
function labelled(labels: readonly number[]): Dataset {
  return {
    length: labels.length,
    inputShape: [1, 4, 4],
    inputs: Uint8Array.from({ length: 16 * labels.length }, (_, index) => (index * 37) % 256),
    target: { kind: 'class', classes: Array.from({ length: Math.max(...labels) + 1 }, (_, index) => `class ${index}`) },
    targets: Int32Array.from(labels),
  };
}

describe('a balanced order', () => {
  test.each(torchOrders.cases)(
    'is the one of PyTorch for seed $seed, in both epochs, and leaves the generator at the same place',
    (known) => {
      const generator = new Generator(known.seed);
      const train = labelled(known.labels);
      expect(known.epochs.map(() => [...balancedOrder(generator, train)])).toEqual(known.epochs);
      expect(generator.randomInt63().toString()).toBe(known.next);
    },
  );

  test('needs classes', () => {
    const values: Dataset = { ...labelled([0]), target: { kind: 'values', shape: [1] }, targets: new Float32Array(1) };
    expect(() => balancedOrder(new Generator(0), values)).toThrow('balanced sampling: the targets must be classes');
  });
});

/** Three epochs of three steps, with dropout and random transforms. Most samples are of few classes. */
const balanced = {
  ...digits,
  data: { ...digits.data, trainLimit: 44, batchSize: 16, sampling: 'balanced', transforms: [{ type: 'randomCrop', size: 12, padding: 1 }] },
  model: { layers: [...digits.model.layers.slice(0, 3), { type: 'dropout', p: 0.3 }, ...digits.model.layers.slice(3)] },
  epochs: 3,
};

describe('a job with balanced sampling', () => {
  test('resumes from any checkpoint with the bits of an uninterrupted run', async () => {
    const whole = await run(balanced, { checkpointDue: () => true });
    expect(whole.result.weightsSha256).not.toBe(
      (await run({ ...balanced, data: { ...balanced.data, sampling: 'shuffle' } })).result.weightsSha256,
    );
    for (const { bytes } of eventsOf(whole.events, 'checkpoint')) {
      setBackend(new WasmBackend());
      expect((await run(balanced, { resumeFrom: bytes })).result.weightsSha256).toBe(whole.result.weightsSha256);
    }
  });

  test('has the same bits with a loader that reads ahead in a thread', async () => {
    const { result } = await run(balanced);
    const ahead = await run(balanced, { openLoader: (dataset, options) => new AheadLoader(dataset, options) });
    expect(ahead.result.weightsSha256).toBe(result.weightsSha256);
    expect((await run(balanced, { openLoader })).result.weightsSha256).toBe(result.weightsSha256);
  });
});

describe('a sample that comes up several times in an epoch', () => {
  const options = {
    batchSize: 3,
    dropLast: false,
    augmentationSeed: 5,
    transforms: [transformSchema.parse({ type: 'randomCrop', size: 2 })],
  };
  const read = (order: readonly number[], start?: number): number[][] => {
    const loader = new InlineLoader(labelled([0, 1, 0, 0, 0, 0]), options);
    return Array.from(loader.epoch(Uint32Array.from(order), 1, start), ({ inputs }) => [...inputs]);
  };

  test('is transformed anew each time, and the first time as in any other order', () => {
    const [[...first], [...second]] = read([0, 0, 0, 0, 0, 1]);
    const rows = Array.from({ length: 5 }, (_, row) => String([...first, ...second].slice(4 * row, 4 * row + 4)));
    expect(new Set(rows).size).toBeGreaterThan(1);
    expect(first.slice(0, 4)).toEqual(read([0, 1])[0].slice(0, 4));
    expect(second.slice(8, 12)).toEqual(read([0, 1])[0].slice(4, 8));
  });

  test('is transformed in the same way if the epoch was interrupted before', () => {
    expect(read([0, 0, 1, 0, 1, 1], 3)).toEqual(read([0, 0, 1, 0, 1, 1]).slice(1));
  });
});

describe('the sampling in a spec', () => {
  const dataOf = (data: object): object => checkSpec({ ...digits, data: { ...digits.data, ...data } }).spec.data;

  test('is shuffled by default, and has the earlier form beside it', () => {
    expect(dataOf({})).toMatchObject({ sampling: 'shuffle', shuffle: true });
    expect(dataOf({ shuffle: true })).toMatchObject({ sampling: 'shuffle', shuffle: true });
    expect(dataOf({ shuffle: false })).toMatchObject({ sampling: 'sequential', shuffle: false });
    expect(dataOf({ sampling: 'sequential' })).toMatchObject({ sampling: 'sequential', shuffle: false });
    expect(dataOf({ sampling: 'balanced' })).toMatchObject({ sampling: 'balanced' });
    expect(dataOf({ sampling: 'balanced' })).not.toHaveProperty('shuffle');
  });

  test.each([
    [{ sampling: 'balanced', shuffle: true }, 'sampling is "balanced", but shuffle: true means "shuffle": remove shuffle'],
    [{ sampling: 'balanced', shuffle: false }, 'sampling is "balanced", but shuffle: false means "sequential": remove shuffle'],
    [{ sampling: 'shuffle', shuffle: false }, 'sampling is "shuffle", but shuffle: false means "sequential": remove shuffle'],
    [{ sampling: 'sequential', shuffle: true }, 'sampling is "sequential", but shuffle: true means "shuffle": remove shuffle'],
  ])('with two forms of different meanings is refused: %o', (data, message) => {
    expect(() => dataOf(data)).toThrow(SpecError);
    expect(() => dataOf(data)).toThrow(`/data/shuffle: ${message}`);
    expect(() => dataOf({ sampling: 'sequential', shuffle: false })).not.toThrow();
  });

  test('cannot be balanced if the targets are values', () => {
    const values = {
      ...digits,
      data: { dataset: 'random', inputShape: [4], targetShape: [10], sampling: 'balanced' },
      loss: { type: 'mse' },
    };
    expect(() => checkSpec(values)).toThrow('/data/sampling: balanced sampling needs targets that are classes');
  });

  test('is the same in a checkpoint of an earlier version, which has only the earlier form', async () => {
    const whole = await run(digits, { checkpointDue: () => true });
    const checkpoint = eventsOf(whole.events, 'checkpoint')[2].bytes;
    const { tensors, metadata } = decodeSafetensors(checkpoint);
    const spec = JSON.parse(metadata['spec'] ?? '') as Record<string, string>;
    const { sampling: _sampling, ...data } = JSON.parse(spec['data'] ?? '') as Record<string, unknown>;
    expect(data).toMatchObject({ shuffle: true });
    const earlier = encodeSafetensors(tensors, { ...metadata, spec: JSON.stringify({ ...spec, data: JSON.stringify(data) }) });
    const resumed = await run(digits, { resumeFrom: earlier.bytes });
    expect(resumed.result.weightsSha256).toBe(whole.result.weightsSha256);
    expect(eventsOf(resumed.events, 'log')).toEqual([]);
  });
});
