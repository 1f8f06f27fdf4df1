// Writes arrays and datasets as NumPy files and reads them again.
import { type Dataset, encodeNpy, encodeNpz, npyDataset, parseNpy } from '@trainyard/engine/data';
import { unzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';

describe('an array', () => {
  test.each([
    ['bytes', new Uint8Array([1, 2, 255]), '|u1', [1, 2, 255]],
    ['float32', Float32Array.of(0.5, -1, 3), '<f4', [0, 0, 0, 63, 0, 0, 128, 191, 0, 0, 64, 64]],
    ['int32, widened', Int32Array.of(1, -1, 2), '<i8', [1, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(8).fill(255), 2, 0, 0, 0, 0, 0, 0, 0]],
  ] as const)('of %s is read as it was written', (_, values, type, data) => {
    expect(parseNpy({ name: 'x.npy', bytes: encodeNpy([3], values) })).toMatchObject({ type, shape: [3], data: Uint8Array.from(data) });
  });

  test('has its values at a multiple of 64 bytes, as NumPy writes them, whatever its shape', () => {
    for (const shape of [[6], [2, 3], [1, 2, 3], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6]]) {
      const bytes = encodeNpy(shape, new Uint8Array(6));
      expect((bytes.length - 6) % 64).toBe(0);
      expect(parseNpy({ name: 'x.npy', bytes }).shape).toEqual(shape);
    }
  });
});

describe('a dataset', () => {
  const train: Dataset = {
    length: 2,
    inputShape: [1, 2, 2],
    inputs: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    target: { kind: 'class', classes: ['0', '1'] },
    targets: Int32Array.of(1, 0),
  };

  test('is read unchanged, each part separately', () => {
    const test_ = { ...train, length: 1, inputs: Uint8Array.of(9, 9, 9, 9), targets: Int32Array.of(1) };
    const files = unzipSync(encodeNpz({ train, test: test_ }));
    expect(Object.keys(files)).toEqual(['train_inputs.npy', 'train_targets.npy', 'test_inputs.npy', 'test_targets.npy']);
    const read = (part: string) =>
      npyDataset({ name: 'x', bytes: files[`${part}_inputs.npy`] }, { name: 'y', bytes: files[`${part}_targets.npy`] });
    expect(read('train')).toEqual(train);
    expect(read('test')).toMatchObject({ length: 1, inputs: test_.inputs, targets: test_.targets });
  });

  test('without a test part gives a file without one, and the same data gives the same bytes', () => {
    const values: Dataset = { ...train, target: { kind: 'values', shape: [2] }, targets: Float32Array.of(1, 2, 3, 4) };
    const bytes = encodeNpz({ train: values, test: null });
    expect(Object.keys(unzipSync(bytes))).toEqual(['train_inputs.npy', 'train_targets.npy']);
    expect(encodeNpz({ train: values, test: null })).toEqual(bytes);
  });
});
