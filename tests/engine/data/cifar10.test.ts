// Tests that CIFAR-10 is read from its binary batches in a data folder, or from the published archive.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findDataset } from '../../../packages/engine/src/data/datasets/index.ts';
import { Generator } from '../../../packages/engine/src/random.ts';
import { cifarBatch, tarGz } from './cifarFiles.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'trainyard-cifar-'));
  await mkdir(join(root, 'cifar10', 'cifar-10-batches-bin'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

const put = (name: string, bytes: Uint8Array) => writeFile(join(root, 'cifar10', name), bytes);

function load(limits: { trainLimit?: number; testLimit?: number } = {}) {
  const files = new NodeDatasetFiles({ folders: [root], home: join(root, 'home'), mirror: 'http://127.0.0.1:1' }, { retryDelaysMs: [] });
  return findDataset('cifar10').load({ dataset: 'cifar10', ...limits }, { files, generator: new Generator(0) });
}

describe('a folder with some batches', () => {
  test('gives the existing batches in order, gzipped or not', async () => {
    await put('data_batch_4.bin', cifarBatch([7, 1]));
    await put('data_batch_2.bin.gz', gzipSync(cifarBatch([9, 0, 3])));
    await put('test_batch.bin', cifarBatch([5]));
    const { train, test: tests } = await load();
    expect(train).toMatchObject({ length: 5, inputShape: [3, 32, 32] });
    expect([...train.targets]).toEqual([9, 0, 3, 7, 1]);
    expect([...train.inputs.subarray(3072, 3075)]).toEqual([1, 2, 3]);
    expect([...train.inputs.subarray(3 * 3072, 3 * 3072 + 3)]).toEqual([0, 1, 2]);
    expect(train.inputs.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(tests).toMatchObject({
      length: 1,
      target: { kind: 'class', classes: expect.arrayContaining(['airplane', 'truck']) as string[] },
    });
  });

  test('is cut to the limits, and batches beyond them are not read', async () => {
    await put('data_batch_1.bin', cifarBatch([1, 2, 3]));
    await put('data_batch_2.bin', Uint8Array.of(1));
    await put('test_batch.bin', cifarBatch([5, 6]));
    const { train, test: tests } = await load({ trainLimit: 2, testLimit: 1 });
    expect([...train.targets]).toEqual([1, 2]);
    expect([...(tests?.targets ?? [])]).toEqual([5]);
    await expect(load({ trainLimit: 4 })).rejects.toThrow(
      'cifar10/data_batch_2.bin: 1 bytes are not whole records of 3073: 0 records and 1 bytes',
    );
  });

  test('has no test part without its batch', async () => {
    await put('data_batch_1.bin', cifarBatch([1]));
    expect((await load()).test).toBeNull();
  });

  test.each([
    ['nothing in a batch', new Uint8Array(), 'cifar10/data_batch_1.bin: 0 bytes are not whole records of 3073: 0 records and 0 bytes'],
    [
      'half a record',
      cifarBatch([1, 2]).subarray(0, 5000),
      'cifar10/data_batch_1.bin: 5000 bytes are not whole records of 3073: 1 records and 1927 bytes',
    ],
    ['a label that is no class', cifarBatch([1, 10]), 'cifar10/data_batch_1.bin: label 10 at byte 3073 is none of the 10 classes 0 to 9'],
  ])('is refused for %s', async (_, bytes, message) => {
    await put('data_batch_1.bin', bytes);
    await expect(load()).rejects.toMatchObject({ code: 'invalidDataFile', message });
  });
});

describe('the archive', () => {
  const batches = ['data_batch_1.bin', 'data_batch_2.bin', 'data_batch_3.bin', 'data_batch_4.bin', 'data_batch_5.bin', 'test_batch.bin'];

  async function pack(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await put(`cifar-10-batches-bin/${name}`, cifarBatch([batches.indexOf(name), 9]));
    }
    await put('cifar-10-binary.tar.gz', tarGz(join(root, 'cifar10'), 'cifar-10-batches-bin'));
  }

  test('gives all batches if the folder has no separate ones', async () => {
    await pack(batches);
    const { train, test: tests } = await load();
    expect([...train.targets]).toEqual([0, 9, 1, 9, 2, 9, 3, 9, 4, 9]);
    expect([...(tests?.targets ?? [])]).toEqual([5, 9]);
  });

  test('is refused when it lacks a batch', async () => {
    await pack(batches.slice(0, 5));
    await expect(load()).rejects.toMatchObject({
      code: 'invalidDataFile',
      message: 'cifar10/cifar-10-binary.tar.gz has no cifar-10-batches-bin/test_batch.bin',
    });
  });

  test('is downloaded if there are no files', async () => {
    await expect(load()).rejects.toMatchObject({
      code: 'datasetUnavailable',
      message: expect.stringContaining('put the file as cifar10/cifar-10-binary.tar.gz into a folder') as string,
    });
  });
});
