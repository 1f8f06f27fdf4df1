// Tests uploads of NumPy arrays with inputs of every type and memory order, and images with their channels first or last.
// The response reports the chosen settings. If an upload has several meanings, the error names the form field that selects one.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { read, faults, sizeOf, npy, range, x, y, types } from './arrayFiles.ts';

describe('inputs', () => {
  test('of every type, byte order and order of their axes have their values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...types),
        fc.constantFrom('<', '>'),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
        async (type, order, isFortran, shape) => {
          const most = type === 'b1' ? 2 : 100;
          const values = range(sizeOf(shape), (i) => (i * 37 + 11) % most);
          const { splits } = await read({
            inputs: npy(`${order}${type}`, shape, values, isFortran),
            targets: y(...range(shape[0] ?? 0, () => 0)),
          });
          expect([...splits.train.inputs]).toEqual(values);
          expect(splits.train.inputs).toBeInstanceOf(type === 'u1' ? Uint8Array : Float32Array);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('whose bytes look like UTF-16 are arrays', async () => {
    const values = range(400, (i) => 1 + (i % 100));
    const { splits } = await read(
      {
        inputs: npy('<i2', [400], values),
        targets: npy(
          '<u2',
          [400],
          range(400, () => 1),
        ),
      },
      { targetKind: 'value' },
    );
    expect([...splits.train.inputs]).toEqual(values);
  });

  test('of half precision have fractions and negative values', async () => {
    const { splits } = await read({ inputs: npy('<f2', [4], [0.5, -2, 1.5, -0.25]), targets: y(0, 0, 0, 0) });
    expect([...splits.train.inputs]).toEqual([0.5, -2, 1.5, -0.25]);
  });

  test('of integers that float32 cannot represent are refused with their position', async () => {
    expect(await faults({ inputs: npy('<i8', [2, 2], [1, 2 ** 24, 2 ** 24 + 1, 3]), targets: y(0, 1) })).toEqual([
      'inputs: the value at [1, 0] is 16777217, which float32 cannot hold: scale the values down, or convert them with a.astype("float32")',
    ]);
    expect(await faults({ inputs: npy('>u4', [3], [0, 2 ** 32 - 1, 2 ** 32 - 3]), targets: y(0, 1, 0) })).toEqual([
      'inputs: the value at [1] is 4294967295, which float32 cannot hold, as is 1 other: scale the values down, or convert them with a.astype("float32")',
    ]);
  });

  test('that are not finite are refused with the first position and their number', async () => {
    expect(await faults({ inputs: npy('<f8', [2, 2], [0, 1, NaN, Infinity]), targets: y(0, 1) })).toEqual([
      'inputs: the value at [1, 0] is NaN, which is not a finite number, as is 1 other: replace it, or remove the sample',
    ]);
  });

  test('in the range of pixels, but of another type than uint8, are reported with the meaning of uint8', async () => {
    const scale = async (type: string, most: number) => {
      const { taken } = await read({
        inputs: npy(
          type,
          [2, 8, 8],
          range(128, (i) => i % (most + 1)),
        ),
        targets: y(0, 1),
      });
      return taken.flatMap(({ field, value }) =>
        field === 'inputs' && typeof value === 'object' && value !== null && 'scale' in value ? [value.scale] : [],
      );
    };
    expect(await scale('<f4', 100)).toEqual(['none']);
    expect(await scale('<i8', 100)).toEqual(['none']);
    expect(await scale('<f4', 1)).toEqual([]);
    expect(await scale('|u1', 100)).toEqual(['x / 255']);
  });

  test('of grey bytes get a channel dimension, which is reported', async () => {
    const { splits, taken } = await read({ inputs: npy('|u1', [2, 3, 4], range(24)), targets: y(0, 1) });
    expect(splits.train.inputShape).toEqual([1, 3, 4]);
    expect(taken).toContainEqual({
      field: 'inputs',
      value: { inputShape: [1, 3, 4] },
      reason: 'Arrays of uint8 of the shape [2, 3, 4] are grey images with one channel.',
    });
  });
});

describe('images', () => {
  const images = (...shape: number[]): Uint8Array =>
    npy(
      '|u1',
      shape,
      range(sizeOf(shape), (i) => i % 251),
    );
  const send = (inputs: Uint8Array) => ({ inputs, targets: y(0, 1) });

  test.each([
    [2, 28, 28, 3],
    [2, 28, 28, 1],
    [2, 5, 7, 3],
    [2, 3, 3, 4],
  ])('of the shape [%i, %i, %i, %i] seem to have their channels last: the error asks for the field that decides', async (...shape) => {
    expect(await faults(send(images(...shape)))).toEqual([
      `inputs: the shape [${shape.join(', ')}] looks like images with their channels last: send layout=channelsLast for [samples, rows, columns, channels], or layout=channelsFirst`,
    ]);
  });

  test.each([
    [2, 3, 32, 3],
    [2, 3, 3, 3],
    [2, 4, 9, 3],
  ])('of the shape [%i, %i, %i, %i] are ambiguous: the error asks for the field that decides', async (...shape) => {
    expect(await faults(send(images(...shape)))).toEqual([
      expect.stringMatching(/may have its channels first or last: send layout=channelsLast/),
    ]);
  });

  test.each([
    [2, 3, 28, 28],
    [2, 1, 4, 4],
    [2, 3, 4, 4],
    [2, 1, 8, 1],
    [2, 16, 5, 5],
  ])('of the shape [%i, %i, %i, %i] have their channels first, which is reported', async (...shape) => {
    const { splits, taken } = await read(send(images(...shape)));
    expect(splits.train.inputShape).toEqual(shape.slice(1));
    expect(taken).toContainEqual(expect.objectContaining({ field: 'layout', value: 'channelsFirst' }));
  });

  test('are reordered with layout=channelsLast, for both memory orders of the file', async () => {
    const shape = [2, 2, 3, 3];
    const values = range(36);
    // Sample, row, column, channel.
    const expected = [0, 1].flatMap((n) =>
      [0, 1, 2].flatMap((c) => [0, 1].flatMap((h) => [0, 1, 2].map((w) => ((n * 2 + h) * 3 + w) * 3 + c))),
    );
    for (const type of ['|u1', '<f4', '>i2']) {
      for (const isFortran of [false, true]) {
        const { splits, taken } = await read(send(npy(type, shape, values, isFortran)), { layout: 'channelsLast' });
        expect(splits.train.inputShape).toEqual([3, 2, 3]);
        expect([...splits.train.inputs]).toEqual(expected);
        expect(taken.filter(({ field }) => field === 'layout')).toEqual([]);
      }
    }
    const asTheyAre = await read(send(npy('|u1', shape, values)), { layout: 'channelsFirst' });
    expect([asTheyAre.splits.train.inputShape, [...asTheyAre.splits.train.inputs]]).toEqual([[2, 3, 3], values]);
  });

  test('are the only arrays that can have a layout', async () => {
    expect(await faults({ inputs: x(2), targets: y(0, 1) }, { layout: 'channelsLast' })).toEqual([
      'layout is for arrays of images [samples, …, …, …], and inputs has the shape [2, 2]: remove layout',
    ]);
  });
});
