// Tests the two loaders, which give the batches of an epoch. One gathers a batch on request, the other has a thread that prepares batches
// ahead. Both give the same numbers. The loader with a thread also handles failures and frees its memory.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AheadLoader, openLoader } from '@trainyard/engine/node';
import { afterEach, describe, expect, test } from 'vitest';
import type { Dataset } from '../../../packages/engine/src/data/dataset.ts';
import { type Batch, type BatchLoader, batchCount, InlineLoader } from '../../../packages/engine/src/data/loader.ts';
import type { TransformSpec } from '../../../packages/engine/src/data/transforms/index.ts';
import { AheadLoader as AheadLoaderSource } from '../../../packages/engine/src/node/aheadLoader.ts';
import { waitLimitMs } from '../../support/hangLimits.ts';

const often = { interval: 2 };

/** Sample s has the pixels s, s+1, … (mod 251) and the label s % 10. */
function pictures(length: number, pixels = 12): Dataset {
  const inputs = new Uint8Array(length * pixels);
  for (let i = 0; i < inputs.length; i++) inputs[i] = (Math.floor(i / pixels) + (i % pixels)) % 251;
  return {
    length,
    inputShape: [1, 3, pixels / 3],
    inputs,
    target: { kind: 'class', classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] },
    targets: Uint8Array.from({ length }, (_, i) => i % 10),
  };
}

function curves(length: number): Dataset {
  return {
    length,
    inputShape: [2],
    inputs: Float32Array.from({ length: length * 2 }, (_, i) => i / 3),
    target: { kind: 'values', shape: [3] },
    targets: Float32Array.from({ length: length * 3 }, (_, i) => -i / 7),
  };
}

/** A fixed irregular order. */
const mixed = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => (i * 7 + 3) % length);

const open: BatchLoader[] = [];
afterEach(() => Promise.all(open.splice(0).map((loader) => loader.close())));

function opened<T extends BatchLoader>(loader: T): T {
  open.push(loader);
  return loader;
}

const copied = (batch: Batch) => ({ ...batch, inputs: [...batch.inputs], targets: [...batch.targets] });

const loaders = [
  ['InlineLoader', InlineLoader],
  ['AheadLoader', AheadLoader],
  ['AheadLoader from source', AheadLoaderSource],
] as const;

describe.each(loaders)('%s', (_, Loader) => {
  test('gives the samples in the given order, with the remaining ones in the last batch', () => {
    const loader = opened(new Loader(pictures(11), { batchSize: 4, dropLast: false }));
    const order = mixed(11);
    const batches = Array.from(loader.epoch(order), copied);
    expect(batches.map(({ size }) => size)).toEqual([4, 4, 3]);
    expect(batches.flatMap(({ targets }) => targets)).toEqual(Array.from(order, (sample) => sample % 10));
    const firstPixels = batches.flatMap(({ inputs }) => inputs.filter((_, i) => i % 12 === 0));
    expect(firstPixels).toEqual([...order]);
  });

  test('leaves out the last batch with dropLast when it is not full', () => {
    const loader = opened(new Loader(pictures(11), { batchSize: 4, dropLast: true }));
    expect(Array.from(loader.epoch(mixed(11)), ({ size }) => size)).toEqual([4, 4]);
    expect(Array.from(loader.epoch(mixed(8)), ({ size }) => size)).toEqual([4, 4]);
  });

  test('gives the shapes of a batch', () => {
    const shapes = (dataset: Dataset) =>
      Array.from(opened(new Loader(dataset, { batchSize: 2, dropLast: false })).epoch(mixed(3)), (batch) => [
        batch.inputShape,
        batch.inputs.length,
        batch.targetShape,
        batch.targets.length,
      ]);
    expect(shapes(pictures(3))).toEqual([
      [[2, 1, 3, 4], 24, [2], 2],
      [[1, 1, 3, 4], 12, [1], 1],
    ]);
    expect(shapes(curves(3))).toEqual([
      [[2, 2], 4, [2, 3], 6],
      [[1, 2], 2, [1, 3], 3],
    ]);
  });

  test('gives class indices as integers and values as floats', () => {
    const targets = (dataset: Dataset) =>
      Array.from(opened(new Loader(dataset, { batchSize: 2, dropLast: false })).epoch(mixed(2)))[0].targets;
    expect(targets(pictures(2))).toBeInstanceOf(Int32Array);
    expect(targets(curves(2))).toBeInstanceOf(Float32Array);
  });

  test('gives pixels as bytes, and values and transformed samples as floats', () => {
    const inputs = (dataset: Dataset, transforms: TransformSpec[] = []) =>
      Array.from(opened(new Loader(dataset, { batchSize: 2, dropLast: false, transforms })).epoch(mixed(2)))[0].inputs;
    expect(inputs(pictures(2))).toBeInstanceOf(Uint8Array);
    expect(inputs(pictures(2), [{ type: 'normalize', mean: [0], std: [1] }])).toEqual(
      Float32Array.from(inputs(pictures(2)), (pixel) => pixel / 255),
    );
    expect(inputs(curves(2))).toBeInstanceOf(Float32Array);
  });

  test('accepts a batch size larger than the dataset, and an order of a part of it', () => {
    const loader = opened(new Loader(pictures(3), { batchSize: 10 ** 9, dropLast: false }));
    expect(Array.from(loader.epoch(mixed(3)), ({ size }) => size)).toEqual([3]);
    expect(Array.from(loader.epoch(Uint32Array.of(1)), ({ size }) => size)).toEqual([1]);
    expect([...loader.epoch(new Uint32Array())]).toEqual([]);
  });

  test('can be stopped in the middle of an epoch and continues with the next epoch', () => {
    const loader = opened(new Loader(pictures(100), { batchSize: 2, dropLast: false }));
    for (let epoch = 0; epoch < 20; epoch++) {
      let seen = 0;
      for (const batch of loader.epoch(mixed(100))) {
        expect(batch.targets[0]).toBe(mixed(100)[seen * 2] % 10);
        seen += 1;
        if (seen === epoch) break;
      }
    }
    expect(Array.from(loader.epoch(mixed(100)), copied)).toHaveLength(50);
  });

  test('refuses to continue an epoch after the next one has begun', () => {
    const loader = opened(new Loader(pictures(8), { batchSize: 2, dropLast: false }));
    const first = loader.epoch(mixed(8))[Symbol.iterator]();
    first.next();
    const second = loader.epoch(mixed(8));
    expect(() => first.next()).toThrow(expect.objectContaining({ code: 'dataLoader' }));
    expect([...second]).toHaveLength(4);
  });

  test('gives an error for a sample that does not exist, and can be used afterwards', () => {
    const loader = opened(new Loader(pictures(4), { batchSize: 1, dropLast: false }));
    const seen: number[] = [];
    expect(() => {
      for (const { targets } of loader.epoch(Int32Array.of(1, 2, 77, 3))) seen.push(targets[0]);
    }).toThrow('sample 77 does not exist: the dataset has 4');
    expect(seen).toEqual([1, 2]);
    expect([...loader.epoch(mixed(4))]).toHaveLength(4);
  });

  test('refuses an order longer than the dataset and a batch size of 0', () => {
    const loader = opened(new Loader(pictures(4), { batchSize: 1, dropLast: false }));
    expect(() => loader.epoch(mixed(5))).toThrow('the order has 5 samples, but the dataset has only 4');
    expect(() => new Loader(pictures(4), { batchSize: 0, dropLast: false })).toThrow(
      'batchSize must be a whole number of at least 1, got 0',
    );
  });

  test('can be closed in the middle of an epoch, and cannot be used afterwards', async () => {
    const loader = new Loader(pictures(100), { batchSize: 1, dropLast: false });
    const batches = loader.epoch(mixed(100))[Symbol.iterator]();
    batches.next();
    await Promise.all([loader.close(), loader.close()]);
    await loader.close();
    expect(() => batches.next()).toThrow('the loader is closed');
    expect(() => loader.epoch(mixed(1))).toThrow('the loader is closed');
  });
});

describe('AheadLoader', () => {
  test.each([
    ['pictures', pictures(257), 32, true],
    ['pictures', pictures(257), 32, false],
    ['one picture a batch', pictures(9), 1, false],
    ['curves', curves(100), 7, false],
  ])('gives the numbers of InlineLoader: %s', (_, dataset, batchSize, dropLast) => {
    const inline = opened(new InlineLoader(dataset, { batchSize, dropLast }));
    const ahead = opened(new AheadLoader(dataset, { batchSize, dropLast }));
    for (let epoch = 0; epoch < 3; epoch++) {
      const order = mixed(dataset.length).subarray(epoch);
      expect(Array.from(ahead.epoch(order), copied)).toEqual(Array.from(inline.epoch(order), copied));
    }
  });

  test('gives the numbers of InlineLoader also when samples are transformed, epoch by epoch', () => {
    const transforms: TransformSpec[] = [
      { type: 'randomCrop', size: [2, 4], padding: 1, fill: 0, paddingMode: 'edge' },
      { type: 'horizontalFlip', p: 0.5 },
      { type: 'normalize', mean: [0.1], std: [0.2] },
    ];
    for (const augmentation of [{ augmentationSeed: 3 }, {}]) {
      const options = { batchSize: 8, dropLast: false, transforms, ...augmentation };
      const inline = opened(new InlineLoader(pictures(100), options));
      const ahead = opened(new AheadLoader(pictures(100), options));
      const passes = [1, 2, 3].map((epoch) => {
        const batches = Array.from(ahead.epoch(mixed(100), epoch), copied);
        expect(batches).toEqual(Array.from(inline.epoch(mixed(100), epoch), copied));
        expect(batches[0].inputShape).toEqual([8, 1, 2, 4]);
        return JSON.stringify(batches);
      });
      expect(new Set(passes).size).toBe('augmentationSeed' in augmentation ? 3 : 1);
    }
  });

  test('prepares batches before they are requested, up to its limit', async () => {
    const loader = opened(new AheadLoader(pictures(100), { batchSize: 5, dropLast: false, ahead: 3 }));
    const batches = loader.epoch(mixed(100))[Symbol.iterator]();
    const ready = (count: number) => expect.poll(() => loader.batchesReady, often).toBe(count);
    await ready(4);
    batches.next();
    await ready(3);
    // The second batch is requested, so the slot of the first one is free. The thread sleeps until half of the slots are free.
    batches.next();
    await ready(2);
    batches.next();
    await ready(3);
  });

  test('does not change a batch until the next one is requested', async () => {
    const loader = opened(new AheadLoader(pictures(50), { batchSize: 1, dropLast: false, ahead: 1 }));
    let seen = 0;
    for (const batch of loader.epoch(mixed(50))) {
      if (seen % 10 === 0 && seen < 40) await expect.poll(() => loader.batchesReady, often).toBe(1);
      expect(batch.targets[0]).toBe(mixed(50)[seen] % 10);
      seen += 1;
    }
    expect(seen).toBe(50);
  });

  test('reads a dataset in shared memory without copying it', () => {
    const dataset = pictures(4);
    const inputs = new Uint8Array(new SharedArrayBuffer(dataset.inputs.length));
    inputs.set(dataset.inputs);
    const loader = opened(new AheadLoader({ ...dataset, inputs }, { batchSize: 1, dropLast: false }));
    inputs.fill(51);
    expect(Array.from(loader.epoch(mixed(4)), ({ inputs: [first] }) => first)).toEqual([51, 51, 51, 51]);
  });

  test('frees its memory and lets the process end after many epochs that were mostly stopped early', async () => {
    const script = `
      import { AheadLoader } from '@trainyard/engine/node';
      const length = 2000;
      const dataset = {
        length, inputShape: [1, 8, 8], inputs: new Uint8Array(length * 64), targets: new Uint8Array(length),
        target: { kind: 'class', classes: ['a'] },
      };
      const order = Uint32Array.from({ length }, (_, i) => i);
      const loader = new AheadLoader(dataset, { batchSize: 10, dropLast: false });
      const run = (epochs) => { for (let i = 0; i < epochs; i++) for (const batch of loader.epoch(order)) if (batch.size > 0 && i % 8 > 0) break; };
      const used = async () => {
        // Messages that the thread has not read yet use memory too.
        [...loader.epoch(order)];
        await new Promise((resolve) => setImmediate(resolve));
        gc();
        const { heapUsed, external, arrayBuffers } = process.memoryUsage();
        return heapUsed + external + arrayBuffers;
      };
      run(80);
      const before = await used();
      run(400);
      console.log((await used()) - before);
      await loader.close();
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      timeout: waitLimitMs,
    });
    expect(Number(stdout)).toBeLessThan(1_000_000);
  });
});

// A thread that only stops responding gives another error message.
test('a thread that ends during an epoch is detected, also by a sleeping consumer', async () => {
  // The thread ends after its first message to the consumer.
  const fatal = `
    import { isMainThread } from 'node:worker_threads';
    const { add } = Atomics;
    if (!isMainThread) Atomics.add = () => { Atomics.add = add; process.exit(7); };
  `;
  const script = `
    import { AheadLoader } from '@trainyard/engine/node';
    const target = { kind: 'class', classes: ['a'] };
    const dataset = { length: 8, inputShape: [1], inputs: new Uint8Array(8), targets: new Uint8Array(8), target };
    const loader = new AheadLoader(dataset, { batchSize: 1, dropLast: false });
    try { for (const batch of loader.epoch(Uint32Array.of(0, 1, 2, 3))) batch.size; } catch (error) { console.log(error.code + ': ' + error.message); }
    await loader.close();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    env: { ...process.env, NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(fatal)}` },
    timeout: waitLimitMs,
  });
  expect(stdout).toBe("threadLost: the loader's thread has ended\n");
});

test('a thread is started only for a large split', () => {
  const open = (length: number) => opened(openLoader(pictures(length, 1200), { batchSize: 64, dropLast: false }));
  expect(open(4000)).toBeInstanceOf(AheadLoader);
  expect(open(100)).not.toBeInstanceOf(AheadLoader);
});

test('an epoch has as many batches as PyTorch counts', () => {
  expect(batchCount(100, { batchSize: 32, dropLast: false })).toBe(4);
  expect(batchCount(100, { batchSize: 32, dropLast: true })).toBe(3);
  expect(batchCount(96, { batchSize: 32, dropLast: true })).toBe(3);
  expect(batchCount(5, { batchSize: 32, dropLast: true })).toBe(0);
});
