// Reading the archive in which CIFAR-10 is published.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { cifarBatch } from '../engine/data/cifarFiles.ts';
import { classesOf, folderOf, read, tarOf } from './fixtures/archives.ts';

test('the archive of CIFAR-10 has its batches as two parts, with the names of the classes', async () => {
  const names = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');
  const folder = await folderOf({
    'cifar-10-batches-bin/data_batch_1.bin': cifarBatch([1, 9]),
    'cifar-10-batches-bin/data_batch_2.bin': cifarBatch([3]),
    'cifar-10-batches-bin/test_batch.bin': cifarBatch([2]),
    'cifar-10-batches-bin/batches.meta.txt': Buffer.from(`${names.join('\n')}\n\n`),
    'cifar-10-batches-bin/readme.html': Buffer.from('<html></html>'),
  });
  const { splits, format } = await read({ file: gzipSync(tarOf(folder)) });
  expect([format, splits.train.length, splits.test?.length]).toEqual(['cifar', 3, 1]);
  expect([...splits.train.targets]).toEqual([1, 9, 3]);
  expect(classesOf(splits)).toEqual(names);
});
