// Tests the registry of datasets: the options of each dataset in a spec, its description before any file is read, and the loaded data.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { describe, expect, test } from 'vitest';
import { dataSchema, datasetDefinitions, findDataset } from '../../../packages/engine/src/data/datasets/index.ts';
import type { LoadContext } from '../../../packages/engine/src/data/define.ts';
import { Generator } from '../../../packages/engine/src/random.ts';
import type { Problem } from '../../../packages/engine/src/errors.ts';
import { parse } from '../../../packages/engine/src/validation.ts';
import { idxPair } from './idxFiles.ts';

function context(folder = '/nonexistent', seed = 0): LoadContext {
  return { files: new NodeDatasetFiles({ folders: [folder], home: '/nonexistent' }), generator: new Generator(seed) };
}

function problemsOf(data: unknown): Problem[] {
  const parsed = parse(dataSchema, data);
  return parsed.ok ? [] : parsed.problems;
}

/** The required options of each dataset. */
const shortest: Record<string, object> = {
  mnist: { dataset: 'mnist' },
  fashionMnist: { dataset: 'fashionMnist' },
  cifar10: { dataset: 'cifar10' },
  digits: { dataset: 'digits' },
  random: { dataset: 'random', inputShape: [1, 4, 4], targetShape: [3] },
};

describe.each(datasetDefinitions.map((definition) => [definition.name, definition] as const))('%s', (name, definition) => {
  test('gets the defaults of the loader', () => {
    expect(parse(dataSchema, shortest[name])).toMatchObject({
      ok: true,
      data: { ...shortest[name], batchSize: 64, shuffle: true, dropLast: false },
    });
  });

  test('has a description of every option', () => {
    for (const [option, schema] of Object.entries(definition.schema.shape)) {
      expect((schema as { description?: string }).description, option).toMatch(/\w{3}/);
    }
  });

  test('refuses an unknown option and a batch size of 0', () => {
    const problems = problemsOf({ ...shortest[name], colour: 1, batchSize: 0 });
    expect(problems.map(({ path, code }) => `${path} ${code}`).toSorted()).toEqual(['/batchSize tooSmall', '/colour unknownField']);
  });
});

test('the error for an unknown dataset lists the known ones', () => {
  const [problem] = problemsOf({ dataset: 'imagenet' });
  expect(problem.path).toBe('/dataset');
  expect(problem.message).toContain('known: mnist, fashionMnist, cifar10, digits, random');
  expect(() => findDataset('imagenet')).toThrow('unknown dataset "imagenet" (known: mnist, fashionMnist, cifar10, digits, random)');
});

describe.each([
  ['mnist', [1, 28, 28], 60_000, 10_000],
  ['fashionMnist', [1, 28, 28], 60_000, 10_000],
  ['cifar10', [3, 32, 32], 50_000, 10_000],
  ['digits', [1, 28, 28], 10_000, 2_000],
])('%s', (dataset, inputShape, train, test_) => {
  const definition = findDataset(dataset);
  const sizes = (limits: object) => definition.describe({ dataset, ...limits });

  test('is described without reading a file', () => {
    const [channels, height, width] = inputShape;
    expect(sizes({})).toMatchObject({
      inputShape,
      trainSamples: train,
      testSamples: test_,
      bytesPerSample: channels * height * width + 1,
    });
  });

  test('applies limits, and treats a limit beyond its size as its size', () => {
    expect(sizes({ trainLimit: 100, testLimit: 7 })).toMatchObject({ trainSamples: 100, testSamples: 7 });
    expect(sizes({ trainLimit: 10 ** 9, testLimit: 10 ** 9 })).toMatchObject({ trainSamples: train, testSamples: test_ });
  });
});

describe('random', () => {
  const options = { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 3 };

  test('draws all inputs, then all targets, from the generator of the run', async () => {
    const { train, test: none } = await findDataset('random').load(options, context('/nonexistent', 5));
    const same = new Generator(5);
    expect(train.inputs).toEqual(same.normal_(new Float32Array(3 * 1024)));
    expect(train.targets).toEqual(same.normal_(new Float32Array(30)));
    expect(train).toMatchObject({ length: 3, inputShape: [1, 32, 32], target: { kind: 'values', shape: [10] } });
    expect(none).toBeNull();
  });

  test('takes the test part from its samples without drawing more random numbers', async () => {
    const [whole, split] = [new Generator(5), new Generator(5)];
    const all = { ...options, inputShape: [4], samples: 10 };
    const { train: drawn } = await findDataset('random').load(all, { ...context('/nonexistent'), generator: whole });
    const parts = { ...all, testSplit: 0.3 } as typeof all;
    const { train, test: tests } = await findDataset('random').load(parts, { ...context('/nonexistent'), generator: split });
    expect(split.random()).toBe(whole.random());
    expect(findDataset('random').describe(parts)).toMatchObject({ trainSamples: 7, testSamples: 3 });
    expect([train.length, tests?.length]).toEqual([7, 3]);
    const rows = (values: ArrayLike<number> = [], size: number) =>
      Array.from({ length: values.length / size }, (_, row) =>
        Array.from(values)
          .slice(row * size, (row + 1) * size)
          .join(),
      );
    for (const [name, size] of [
      ['inputs', 4],
      ['targets', 10],
    ] as const) {
      const numbers = [train, tests].map((part) => rows(part?.[name], size).map((row) => rows(drawn[name], size).indexOf(row)));
      expect(numbers[1]).toEqual([0, 3, 9]);
      expect(numbers.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, row) => row));
    }
  });

  test('is described by its options', () => {
    expect(findDataset('random').describe(options)).toEqual({
      inputShape: [1, 32, 32],
      inputType: 'float32',
      target: { kind: 'values', shape: [10] },
      trainSamples: 3,
      testSamples: 0,
      bytesPerSample: 4 * 1034,
    });
  });

  test.each([[[]], [[0, 3]], [[2.5]], [[-1]], ['3']])('refuses the shape %j', (inputShape) => {
    expect(parse(dataSchema, { ...options, inputShape })).toMatchObject({ ok: false });
  });
});

describe.each(['mnist', 'fashionMnist'])('%s', (dataset) => {
  const names = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'];

  async function withFolder(files: readonly Uint8Array[], use: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-mnist-'));
    try {
      await mkdir(join(folder, dataset));
      await Promise.all(
        names.map((name, i) =>
          writeFile(join(folder, dataset, i % 2 === 0 ? `${name}.gz` : name), i % 2 === 0 ? gzipSync(files[i]) : files[i]),
        ),
      );
      await use(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const train = idxPair([5, 0, 4, 1]);
  const test_ = idxPair([7, 2]);

  test('is read from a folder, gzipped or not, and cut to its limits', async () => {
    await withFolder([train.images, train.labels, test_.images, test_.labels], async (folder) => {
      const loaded = await findDataset(dataset).load({ dataset, trainLimit: 3 } as { dataset: string }, context(folder));
      expect(loaded.train).toMatchObject({ length: 3, inputShape: [1, 28, 28] });
      expect([...loaded.train.targets]).toEqual([5, 0, 4]);
      expect(loaded.train.inputs).toEqual(train.images.subarray(16, 16 + 3 * 784));
      expect(loaded.test).toMatchObject({ length: 2 });
      expect([...(loaded.test?.targets ?? [])]).toEqual([7, 2]);
    });
  });

  test('is refused with the name of the file that does not fit', async () => {
    await withFolder([train.images, test_.labels, test_.images, test_.labels], async (folder) => {
      await expect(findDataset(dataset).load({ dataset }, context(folder))).rejects.toMatchObject({
        code: 'invalidDataFile',
        message: `${dataset}/train-images-idx3-ubyte.gz has 4 images, but ${dataset}/train-labels-idx1-ubyte.gz has 2 labels`,
      });
    });
  });
});
