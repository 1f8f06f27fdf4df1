// Tests the errors for arrays and archives: the path of each fault, and the messages about damaged files.
import { gzipSync } from 'node:zlib';
import { encodeNpy, type UploadFault } from '@trainyard/engine/data';
import type { ReadUpload } from '@trainyard/engine/node';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openImage } from '../../../services/api/src/images/decodeImage.ts';
import { type Files, read as readFiles } from './arrayFiles.ts';
import { idxFile, idxPair } from './idxFiles.ts';
import { faultsOf as refusalOf } from './refusals.ts';

const read = async (files: Files, options: object = {}): Promise<ReadUpload> => await readFiles(files, options, { openImage });

const faultsOf = async (files: Files, options: object = {}): Promise<readonly UploadFault[]> => await refusalOf(read(files, options));

const pathsOf = async (files: Files, options: object = {}): Promise<readonly string[]> =>
  (await faultsOf(files, options)).map(({ path }) => path);

const x = encodeNpy([3, 2], Float32Array.of(0, 1, 2, 3, 4, 5));
const y = encodeNpy([3], Int32Array.of(0, 1, 0));
const holed = encodeNpy([3, 2], Float32Array.of(0, 1, 2, Number.NaN, 4, 5));
const negative = encodeNpy([3], Int32Array.of(0, 1, -1));
const idx = idxPair([0, 1, 3]);

describe('the path of a fault of arrays names the part and the sample:', () => {
  test.for<[string, Files, readonly string[], object?]>([
    ['a label that is not a class', { inputs: x, targets: negative }, ['/targets/sample/2']],
    ['both arrays', { inputs: holed, targets: negative }, ['/inputs/sample/1', '/targets/sample/2']],
    [
      'the test part',
      { inputs: x, targets: y, testInputs: holed, testTargets: negative },
      ['/testInputs/sample/1', '/testTargets/sample/2'],
    ],
    ['all four arrays', { inputs: x, targets: negative, testInputs: holed, testTargets: y }, ['/targets/sample/2', '/testInputs/sample/1']],
    ['damaged targets', { inputs: x, targets: y.subarray(0, y.length - 1) }, ['/targets']],
    ['two damaged arrays', { inputs: x.subarray(0, 100), targets: y.subarray(0, 100) }, ['/inputs', '/targets']],
    ['empty targets', { inputs: x, targets: encodeNpy([0], new Int32Array()) }, ['/targets']],
    ['half a pair', { inputs: x }, ['/targets']],
    ['half a test pair', { inputs: x, targets: y, testTargets: y }, ['/testInputs']],
    ['a layout for arrays that are not images', { inputs: x, targets: y }, ['/layout'], { layout: 'channelsLast' }],
    ['targetKind=labels for an array', { inputs: x, targets: y }, ['/targetKind'], { targetKind: 'labels' }],
    ['an NPZ', { file: zipSync({ 'x.npy': holed, 'y.npy': negative }) }, ['/file/entry/x/sample/1', '/file/entry/y/sample/2']],
    ['IDX labels in two dimensions', { inputs: idx.images, targets: idxFile([3, 1], [0, 1, 2]) }, ['/targets']],
    ['two damaged IDX files', { inputs: idx.images.subarray(0, 40), targets: idx.labels.subarray(0, 9) }, ['/inputs', '/targets']],
    [
      'a test part with another shape and an unknown class',
      { inputs: x, targets: y, testInputs: encodeNpy([2, 1], Float32Array.of(1, 2)), testTargets: encodeNpy([2], Int32Array.of(0, 7)) },
      ['/testInputs', '/testTargets/sample/1'],
    ],
    [
      'a test file with an unknown class',
      { file: zipSync({ 'x.npy': x, 'y.npy': y }), testFile: zipSync({ 'x.npy': x, 'y.npy': encodeNpy([3], Int32Array.of(0, 1, 2)) }) },
      ['/testFile/sample/2'],
    ],
  ])('%s', async ([, files, paths, options]) => {
    expect(await pathsOf(files, options)).toEqual(paths);
  });
});

/** Builds an IDX file. @param type the code of the type of its values, which are big-endian */
function wideIdx(type: number, itemBytes: number, shape: readonly number[], values: readonly number[]): Uint8Array {
  const bytes = idxFile(shape, new Uint8Array(values.length * itemBytes));
  bytes[2] = type;
  const view = new DataView(bytes.buffer, bytes.byteOffset + 4 + 4 * shape.length);
  const write = { 0x09: 'setInt8', 0x0b: 'setInt16', 0x0c: 'setInt32', 0x0d: 'setFloat32', 0x0e: 'setFloat64' } as const;
  for (const [i, value] of values.entries()) view[write[type as keyof typeof write]](i * itemBytes, value);
  return bytes;
}

describe('IDX files with other types than bytes', () => {
  const pixels = [0, 0.5, -1, 2, 3.25, 1e6, 7, 8];

  test.for([
    [0x0d, 4],
    [0x0e, 8],
  ])('keep the values of their images, and may have whole labels of any type (type %i)', async ([type, itemBytes]) => {
    const images = wideIdx(type, itemBytes, [2, 2, 2], pixels);
    for (const [labelType, labelBytes] of [
      [0x09, 1],
      [0x0b, 2],
      [0x0c, 4],
      [0x0d, 4],
    ]) {
      const labels = gzipSync(wideIdx(labelType, labelBytes, [2], [1, 0]));
      const { splits, format } = await read({ inputs: gzipSync(images), targets: labels });
      expect([format, splits.train.inputShape, splits.train.target]).toEqual(['idx', [1, 2, 2], { kind: 'class', classes: ['0', '1'] }]);
      expect([...splits.train.inputs]).toEqual(pixels);
      expect([...splits.train.targets]).toEqual([1, 0]);
    }
  });

  test('keep pixels as bytes if only the labels have a wider type', async () => {
    const { splits } = await read({ inputs: idx.images, targets: wideIdx(0x0c, 4, [3], [0, 1, 3]) });
    expect(splits.train.inputs).toBeInstanceOf(Uint8Array);
    expect([splits.train.inputShape, [...splits.train.targets]]).toEqual([
      [1, 28, 28],
      [0, 1, 3],
    ]);
  });

  test('are refused if a label is not a class', async () => {
    const [fault] = await faultsOf({ inputs: idx.images, targets: wideIdx(0x0c, 4, [3], [0, -1, 3]) });
    expect(fault.path).toBe('/targets/sample/1');
    expect(fault.message).toContain('the label -1 of sample 1 is no class');
  });
});

/** Builds a zip with one file. A zip64 field holds the offset of its local header. */
function zipThatLeadsTo(offset: bigint): Uint8Array {
  const zip = Buffer.from(zipSync({ 'cats/1.png': Buffer.from('x') }, { level: 0 }));
  const start = zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  const end = zip.indexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const extra = Buffer.alloc(12);
  extra.writeUInt16LE(1);
  extra.writeUInt16LE(8, 2);
  extra.writeBigUInt64LE(offset, 4);
  const entry = Buffer.from(zip.subarray(start, end));
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(0xffffffff, 42);
  const tail = Buffer.from(zip.subarray(end));
  tail.writeUInt32LE(entry.length + extra.length, 12);
  return Buffer.concat([zip.subarray(0, start), entry, extra, tail]);
}

describe('archives', () => {
  test.for([2n ** 40n, 2n ** 52n, 2n ** 63n + 5n])('that refer to byte %s, beyond their end, are refused as damaged', async (offset) => {
    const faults = await faultsOf({ file: zipThatLeadsTo(offset) });
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^file\/cats\/1\.png cannot be read: the zip is damaged: it refers to bytes beyond its end/),
    ]);
  });

  const csv = Buffer.from('a,b,y\n1,2,x\n');
  test.for<[string, Record<string, Uint8Array>, string]>([
    ['a CSV', { 'data.csv': csv }, '"data.csv" is text. Send a CSV as it is, without the archive'],
    ['a CSV packed on a Mac', { 'data.csv': csv, '__MACOSX/._data.csv': Uint8Array.of(0, 5, 22, 7) }, 'without the archive'],
    ['two CSVs', { 'train.csv': csv, 'test.csv': csv }, 'as the part file, and a CSV of test data as testFile'],
    ['a zip', { 'images.zip': zipSync({ 'a/1.png': csv }) }, '"images.zip" is a zip. Unpack it, and send its content'],
    ['a gzip', { 'data.csv.gz': gzipSync(csv) }, '"data.csv.gz" is a gzip file. Unpack it, and send its content'],
    [
      'arrays in a folder',
      { 'data/x.npy': x, 'data/y.npy': y },
      '"data/x.npy" is an NPY array. Send NPY arrays as the parts inputs and targets',
    ],
    ['arrays with other names', { 'a.npy': x, 'b.npy': y }, 'has the arrays a [3, 2], b [3]: name the inputs x and the targets y'],
    ['IDX files', { 't10k-images-idx3-ubyte': idx.images }, 'is an IDX array. Send IDX files as the parts inputs and targets'],
  ])('with %s inside are refused, and the message says how to send the content', async ([, files, message]) => {
    const [fault] = await faultsOf({ file: zipSync(files) });
    expect(fault.message).toContain(message);
  });
});

describe('text with control characters', () => {
  test('is a table with a fault at its row and byte', async () => {
    expect(await faultsOf({ file: Buffer.from('a,b,kind\n1,2,x\n1,\0,y\n2,3,x\n') })).toEqual([
      {
        path: '/file/row/3',
        message: 'file: row 3 has a NUL character at byte 17: remove it, or save the file again as text',
        code: 'invalidRow',
      },
    ]);
  });

  test('is a table if the only one is the end-of-file mark of DOS', async () => {
    const { splits } = await read({ file: Buffer.from('a,b,kind\r\n1,2,x\r\n3,4,y\r\n\u001a') });
    expect([...splits.train.inputs]).toEqual([1, 2, 3, 4]);
  });
});
