// Tests the IDX reader: the content of valid files, and the errors for invalid ones.
import { describe, expect, test } from 'vitest';
import { idxDataset, parseIdx } from '../../../packages/engine/src/data/idx.ts';
import { idxFile } from './idxFiles.ts';

const ten = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

function changed(file: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(file);
  copy[offset] = value;
  return copy;
}

describe('parseIdx', () => {
  test('gives shape and bytes of a file', () => {
    const { shape, data } = parseIdx(idxFile([2, 1, 3], [1, 2, 3, 4, 5, 255]), 'f');
    expect(shape).toEqual([2, 1, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 255]);
  });

  test('reads a file that is a part of a larger buffer', () => {
    const around = new Uint8Array(32).fill(7);
    around.set(idxFile([2], [4, 5]), 3);
    expect([...parseIdx(around.subarray(3, 3 + 10), 'f').data]).toEqual([4, 5]);
  });

  const good = idxFile([2, 3], [1, 2, 3, 4, 5, 6]);
  test.each([
    ['no magic number', changed(good, 1, 0x50), 'f: not an IDX file: bytes 0 and 1 are 0x00 0x50, expected 0x00 0x00'],
    ['another type', changed(good, 2, 0x0d), 'f: byte 2 is 0x0d (32-bit floats), expected 0x08 (unsigned bytes)'],
    ['an unknown type', changed(good, 2, 0x77), 'f: byte 2 is 0x77 (no IDX type), expected 0x08 (unsigned bytes)'],
    ['missing values', good.subarray(0, 16), 'f: shape [2, 3] takes 6 bytes from byte 12 on, but the file has 4 there'],
    ['values too many', Uint8Array.from([...good, 9]), 'f: shape [2, 3] takes 6 bytes from byte 12 on, but the file has 7 there'],
    [
      'a huge dimension',
      changed(good, 4, 0xff),
      'f: shape [4278190082, 3] takes 12834570246 bytes from byte 12 on, but the file has 6 there',
    ],
    [
      'missing dimensions',
      changed(good, 3, 200),
      'f: byte 3 says that there are 200 dimensions, so their sizes end at byte 804, but the file has 18 bytes',
    ],
    ['hardly any bytes', good.subarray(0, 3), 'f: 3 bytes are too few for an IDX file: its header has at least 4'],
  ])('refuses a file with %s', (_, file, message) => {
    expect(() => parseIdx(file, 'f')).toThrow(expect.objectContaining({ code: 'invalidDataFile', message }));
  });
});

describe('idxDataset', () => {
  const images = { name: 'images', bytes: idxFile([2, 1, 2], [0, 255, 51, 102]) };
  const labels = { name: 'labels', bytes: idxFile([2], [3, 9]) };

  test('makes a split of grey images with one channel', () => {
    const dataset = idxDataset(images, labels, ten);
    expect(dataset).toMatchObject({ length: 2, inputShape: [1, 1, 2], target: { kind: 'class', classes: ten } });
    expect([...dataset.inputs]).toEqual([0, 255, 51, 102]);
    expect([...dataset.targets]).toEqual([3, 9]);
  });

  test.each([
    [
      'labels for another number of images',
      images,
      { name: 'labels', bytes: idxFile([3], [1, 2, 3]) },
      'images has 2 images, but labels has 3 labels',
    ],
    [
      'a label that is no class',
      images,
      { name: 'labels', bytes: idxFile([2], [3, 10]) },
      'labels: label 10 at byte 9 is none of the 10 classes 0 to 9',
    ],
    ['labels in the place of images', labels, labels, 'labels: expected images of shape [samples, rows, columns], got [2]'],
    ['images in the place of labels', images, images, 'images: expected one label per sample, of shape [samples], got [2, 1, 2]'],
    [
      'no images',
      { name: 'images', bytes: idxFile([0, 28, 28], []) },
      { name: 'labels', bytes: idxFile([0], []) },
      'images: expected images of shape [samples, rows, columns], got [0, 28, 28]',
    ],
  ])('refuses a pair with %s', (_, first, second, message) => {
    expect(() => idxDataset(first, second, ten)).toThrow(expect.objectContaining({ code: 'invalidDataFile', message }));
  });
});
