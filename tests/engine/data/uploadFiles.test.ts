// Tests datasets from the files of users: every format with and without a test part, and refused files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataFormatError, encodeNpy, type Splits, type UploadFilePart, uploadOptions } from '@trainyard/engine/data';
import { readUpload } from '@trainyard/engine/node';
import { zipSync } from 'fflate';
import { afterEach, describe, expect, test } from 'vitest';
import { openImage } from '../../../services/api/src/images/decodeImage.ts';
import { cifarBatch } from './cifarFiles.ts';
import { idxFile, idxPair } from './idxFiles.ts';
import { plainPng } from './imageFixtures.ts';

type Files = Partial<Record<UploadFilePart, Uint8Array | readonly Uint8Array[]>>;

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function read(files: Files, options: object = {}, limits: object = {}): Promise<Splits> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-upload-'));
  folders.push(folder);
  const parts = Object.entries(files).flatMap(([part, contents]) =>
    (contents instanceof Uint8Array ? [contents] : contents).map((bytes) => ({ part: part as UploadFilePart, bytes })),
  );
  const uploaded = parts.map(({ part }, i) => ({ part, path: join(folder, String(i)) }));
  for (const [i, { bytes }] of parts.entries()) await writeFile(uploaded[i].path, bytes);
  return (await readUpload(uploaded, uploadOptions.parse(options), { limits, openImage })).splits;
}

const idx = idxPair([0, 1, 3, 1]);
const x = (rows: number) =>
  encodeNpy(
    [rows, 2],
    Float32Array.from({ length: 2 * rows }, (_, i) => i / 2),
  );
const y = (...labels: number[]) => encodeNpy([labels.length], Int32Array.from(labels));
const table = Buffer.from('a,b,kind\n1,2,cat\n3,4,dog\n5,6,cat\n');
const zip = (...classes: string[]) => zipSync(Object.fromEntries(classes.map((name, i) => [`${name}/${i}.png`, plainPng(4, 3, 10 * i)])));

describe('recognises', () => {
  test.each<[string, Files, object]>([
    ['IDX', { inputs: idx.images, targets: idx.labels }, { length: 4, inputShape: [1, 28, 28], target: { classes: ['0', '1', '2', '3'] } }],
    ['gzipped IDX', { inputs: gzipSync(idx.images), targets: gzipSync(idx.labels) }, { length: 4, inputShape: [1, 28, 28] }],
    ['NPY', { inputs: x(3), targets: y(0, 2, 1) }, { length: 3, inputShape: [2], target: { classes: ['0', '1', '2'] } }],
    ['CIFAR', { file: cifarBatch([9, 9, 3]) }, { length: 3, inputShape: [3, 32, 32] }],
    [
      'several CIFAR batches',
      { file: [cifarBatch([1, 9]), gzipSync(cifarBatch([3]))] },
      { length: 3, target: { classes: { length: 10 } } },
    ],
    ['CSV', { file: table }, { length: 3, inputShape: [2], target: { classes: ['cat', 'dog'] } }],
    ['gzipped CSV', { file: gzipSync(table) }, { length: 3, inputShape: [2] }],
    ['a zip of images', { file: zip('dog', 'cat', 'dog') }, { length: 3, inputShape: [1, 3, 4], target: { classes: ['cat', 'dog'] } }],
  ])('%s', async (_, files, expected) => {
    const { train, test: none } = await read(files);
    expect(train).toMatchObject(expected);
    expect(none).toBeNull();
  });
});

describe('with a test part', () => {
  test('numbers its classes as the training part does', async () => {
    const tables = await read({ file: table, testFile: Buffer.from('a,b,kind\n0,0,dog\n') });
    expect(tables.test).toMatchObject({ length: 1, targets: Int32Array.of(1), target: { classes: ['cat', 'dog'] } });
    const images = await read({ file: zip('a', 'b', 'c'), testFile: zip('c', 'b') });
    expect(images.test?.targets).toEqual(Int32Array.of(1, 2));
    const pairs = await read({ inputs: idx.images, targets: idx.labels, testInputs: idx.images, testTargets: idx.labels });
    expect(pairs.test).toEqual(pairs.train);
    const batches = await read({ file: cifarBatch([0, 5]), testFile: cifarBatch([5]) });
    expect(batches.test?.targets).toEqual(Uint8Array.of(5));
  });

  test.each<[string, Files, string]>([
    [
      'has a class that training has not',
      { file: table, testFile: Buffer.from('a,b,kind\n0,0,cow\n') },
      'testFile: row 2 has class "cow" in column "kind"',
    ],
    [
      'has another label',
      { inputs: x(2), targets: y(0, 1), testInputs: x(2), testTargets: y(1, 7) },
      'sample 1 of the test part has the class "7"',
    ],
    [
      'has other shapes',
      { inputs: x(1), targets: y(0), testInputs: encodeNpy([1, 3], new Float32Array(3)), testTargets: y(0) },
      "have shape [3], the training part's [2]",
    ],
    [
      'has images of other sizes',
      { file: zip('a'), testFile: zipSync({ 'a/1.png': plainPng(5, 5, 1) }) },
      'the images have 2 sizes (width×height): 4×3 (1, such as a/0.png), 5×5 (1, such as a/1.png)',
    ],
    [
      'has values for pixels',
      { inputs: encodeNpy([1, 2], Uint8Array.of(1, 2)), targets: y(0), testInputs: x(1), testTargets: y(0) },
      'one part has pixels',
    ],
    [
      'learns other targets',
      { inputs: x(1), targets: y(0), testInputs: x(1), testTargets: encodeNpy([1], Float32Array.of(0.5)) },
      'targets have another kind or shape than',
    ],
  ])('that %s is refused', async (_, files, message) => {
    await expect(read(files)).rejects.toThrow(message);
  });
});

test('a table has the shape and the target of its options', async () => {
  const { train } = await read({ file: table }, { inputShape: '[1,1,2]' });
  expect(train.inputShape).toEqual([1, 1, 2]);
  const numbers = await read({ file: Buffer.from('t,a\n0.5,1\n-2,3\n') }, { targetColumn: 't', targetKind: 'value' });
  expect(numbers.train).toMatchObject({
    target: { kind: 'values', shape: [1] },
    targets: Float32Array.of(0.5, -2),
    inputs: Float32Array.of(1, 3),
  });
});

describe('refuses', () => {
  test.each<[string, Files, object, string]>([
    ['nothing', {}, {}, 'there is nothing to train on'],
    ['a test part alone', { testFile: table }, {}, 'there is nothing to train on'],
    ['half a pair', { inputs: idx.images }, {}, 'inputs and targets are a pair, got 1 and 0 files'],
    ['half a test pair', { inputs: x(1), targets: y(0), testInputs: x(1) }, {}, 'testInputs and testTargets are a pair'],
    [
      'a pair with a file',
      { inputs: x(1), targets: y(0), file: table },
      { format: 'npy' },
      'file is text, but the field format is npy: remove format',
    ],
    ['a table sent as a pair', { inputs: table, targets: table }, { format: 'csv' }, 'inputs is text: send a CSV as the part file'],
    ['two tables', { file: [table, table] }, {}, 'csv data is one file, got 2'],
    ['a format that it is not', { file: table }, { format: 'images' }, 'file is text, but the field format is images: remove format'],
    ['an option of another format', { file: zip('a') }, { targetColumn: 'a' }, 'targetColumn is for csv, and these files are images'],
    ['a shape that the columns do not fill', { file: table }, { inputShape: '[3]' }, 'do not fill the shape [3]'],
    [
      'a lying IDX header',
      { inputs: idxFile([4_000_000_000, 28, 28], [1]), targets: idx.labels },
      {},
      'inputs: shape [4000000000, 28, 28] takes',
    ],
    ['images and labels of other numbers', { inputs: idx.images, targets: idxFile([1], [0]) }, {}, '4'],
    ['an empty file', { file: new Uint8Array() }, {}, 'file is empty: it has 0 bytes'],
    ['a file of blanks', { file: Buffer.from(' \n\t\r\n') }, {}, 'file is empty: it has only blanks'],
    [
      'noise',
      { file: Uint8Array.from({ length: 999 }, (_, i) => (i * 77) % 256) },
      {},
      'file is of no known kind (its first bytes are 00 4d 9a e7 34 81 ce 1b …): expected a CSV',
    ],
    ['a row that does not fit', { file: Buffer.from('a,b\n1,x\n2\n') }, {}, 'file: row 3 has 1 field, but there are 2 columns'],
    ['a damaged gzip', { file: gzipSync(table).subarray(0, 20) }, { format: 'csv' }, 'file: cannot be unpacked'],
  ])('%s', async (_, files, options, message) => {
    const reading = read(files, options);
    await expect(reading).rejects.toThrow(DataFormatError);
    await expect(reading).rejects.toThrow(message);
  });

  test('data over a limit, and unpacks no more than the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    await expect(read({ file: bomb }, {}, { bytes: 1_000_000 })).rejects.toThrow('it holds more than the limit of 1000000 bytes');
    await expect(read({ inputs: idx.images, targets: idx.labels }, {}, { bytes: 100 })).rejects.toThrow('over the limit of 100');
    await expect(read({ inputs: idx.images, targets: idx.labels }, {}, { sampleValues: 700 })).rejects.toThrow(
      'over the limit of 700 values',
    );
    await expect(read({ inputs: idx.images, targets: idx.labels }, {}, { classes: 3 })).rejects.toThrow(
      '4 classes are over the limit of 3',
    );
    await expect(read({ file: Buffer.from(`a,b\n1,${'x'.repeat(300)}\n`) })).rejects.toThrow('more than 200 characters');
  });
});
