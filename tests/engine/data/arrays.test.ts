// NumPy arrays as people save them: every type and order, labels in every form, images with their channels first or last, and NPZ
// files. What was decided is in the answer, and what could be two things is refused with the field that decides.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, encodeNpz, UploadError, type UploadFilePart, uploadOptions } from '@trainyard/engine';
import { type ReadUpload, readUpload } from '@trainyard/engine/node';
import * as fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';

type Files = Partial<Record<UploadFilePart, Uint8Array>>;

async function read(files: Files, options: object = {}): Promise<ReadUpload> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-arrays-'));
  try {
    const uploaded = Object.keys(files).map((part) => ({ part: part as UploadFilePart, path: join(folder, part) }));
    for (const { part, path } of uploaded) await writeFile(path, files[part] ?? new Uint8Array());
    return await readUpload(uploaded, uploadOptions.parse(options));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function faults(files: Files, options: object = {}): Promise<readonly string[]> {
  const error: unknown = await read(files, options).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UploadError)) throw error;
  return error.faults.map(({ message }) => message);
}

/** How a number is written, by its type without the byte order. */
const writers: Readonly<
  Record<string, readonly [bytes: number, write: (view: DataView, at: number, value: number, little: boolean) => void]>
> = {
  f2: [2, (view, at, value, little) => view.setUint16(at, half(value), little)],
  f4: [4, (view, at, value, little) => view.setFloat32(at, value, little)],
  f8: [8, (view, at, value, little) => view.setFloat64(at, value, little)],
  i1: [1, (view, at, value) => view.setInt8(at, value)],
  i2: [2, (view, at, value, little) => view.setInt16(at, value, little)],
  i4: [4, (view, at, value, little) => view.setInt32(at, value, little)],
  i8: [8, (view, at, value, little) => view.setBigInt64(at, BigInt(value), little)],
  u1: [1, (view, at, value) => view.setUint8(at, value)],
  u2: [2, (view, at, value, little) => view.setUint16(at, value, little)],
  u4: [4, (view, at, value, little) => view.setUint32(at, value, little)],
  u8: [8, (view, at, value, little) => view.setBigUint64(at, BigInt(value), little)],
  b1: [1, (view, at, value) => view.setUint8(at, value)],
};
const types = Object.keys(writers);

/** The bits of a half-precision number; for whole numbers up to 2048. */
function half(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  return (value < 0 ? 0x8000 : 0) + ((exponent + 15) << 10) + (Math.abs(value) / 2 ** exponent - 1) * 1024;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** As numpy.save writes it; `values` are in C order, whatever the file's. */
function npy(type: string, shape: readonly number[], values: readonly number[], isFortran = false): Uint8Array {
  const [bytes, write] = writers[type.slice(1)] ?? [0, () => undefined];
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const header = `{'descr': '${type}', 'fortran_order': ${isFortran ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const padded = `${header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11)}\n`;
  const front = Buffer.from(`\x93NUMPY\x01\0${String.fromCharCode(padded.length & 255, padded.length >> 8)}`, 'latin1');
  const data = Buffer.alloc(bytes * values.length);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  values.forEach((value, i) => {
    // The place of the value with these indices when the first axis changes fastest.
    const indices = shape.map((length, axis) => Math.floor(i / sizeOf(shape.slice(axis + 1))) % length);
    const place = isFortran ? indices.reduce((sum, index, axis) => sum + index * sizeOf(shape.slice(0, axis)), 0) : i;
    write(view, place * bytes, value, type[0] !== '>');
  });
  return Buffer.concat([front, Buffer.from(padded, 'latin1'), data]);
}

/** An array of fixed-width text. */
function textNpy(texts: readonly string[], order: '<' | '>' = '<'): Uint8Array {
  const width = Math.max(...texts.map((text) => Array.from(text).length));
  const points = texts.flatMap((text) => Array.from({ length: width }, (_, i) => Array.from(text)[i]?.codePointAt(0) ?? 0));
  const array = npy(`${order}u4`, [points.length], points);
  const header = `{'descr': '${order}U${width}', 'fortran_order': False, 'shape': (${texts.length},), }`;
  return Buffer.concat([array.subarray(0, 10), Buffer.from(`${header.padEnd(117)}\n`), array.subarray(128)]);
}

const range = (length: number, of: (i: number) => number = (i) => i): number[] => Array.from({ length }, (_, i) => of(i));
const x = (samples: number): Uint8Array =>
  npy(
    '<f4',
    [samples, 2],
    range(2 * samples, (i) => i / 2),
  );
const y = (...labels: number[]): Uint8Array => npy('<i8', [labels.length], labels);
const classesOf = ({ train }: { readonly train: Dataset }) => (train.target.kind === 'class' ? train.target.classes : null);

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

  test('of integers that float32 cannot hold are refused with their place', async () => {
    expect(await faults({ inputs: npy('<i8', [2, 2], [1, 2 ** 24, 2 ** 24 + 1, 3]), targets: y(0, 1) })).toEqual([
      'inputs: the value at [1, 0] is 16777217, which float32 cannot hold: scale the values down, or convert them with a.astype("float32")',
    ]);
    expect(await faults({ inputs: npy('>u4', [3], [0, 2 ** 32 - 1, 2 ** 32 - 3]), targets: y(0, 1, 0) })).toEqual([
      'inputs: the value at [1] is 4294967295, which float32 cannot hold, as is 1 other: scale the values down, or convert them with a.astype("float32")',
    ]);
  });

  test('that are not finite are refused with the first place and their number', async () => {
    expect(await faults({ inputs: npy('<f8', [2, 2], [0, 1, NaN, Infinity]), targets: y(0, 1) })).toEqual([
      'inputs: the value at [1, 0] is NaN, which is not a finite number, as is 1 other: replace it, or leave the sample out',
    ]);
  });

  test('in the range of pixels that are not uint8 are reported, as is what uint8 means', async () => {
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

  test('of grey bytes get their channel, which is said', async () => {
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
  ])('of the shape [%i, %i, %i, %i] look as if their channels were last: the field that decides is asked for', async (...shape) => {
    expect(await faults(send(images(...shape)))).toEqual([
      `inputs: the shape [${shape.join(', ')}] looks like images with their channels last: send layout=channelsLast for [samples, rows, columns, channels], or layout=channelsFirst`,
    ]);
  });

  test.each([
    [2, 3, 32, 3],
    [2, 3, 3, 3],
    [2, 4, 9, 3],
  ])('of the shape [%i, %i, %i, %i] could be both: the field that decides is asked for', async (...shape) => {
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
  ])('of the shape [%i, %i, %i, %i] have their channels first, which is said', async (...shape) => {
    const { splits, taken } = await read(send(images(...shape)));
    expect(splits.train.inputShape).toEqual(shape.slice(1));
    expect(taken).toContainEqual(expect.objectContaining({ field: 'layout', value: 'channelsFirst' }));
  });

  test('are put in order by layout=channelsLast, in either order of the file', async () => {
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

  test('alone have a layout', async () => {
    expect(await faults({ inputs: x(2), targets: y(0, 1) }, { layout: 'channelsLast' })).toEqual([
      'layout is for arrays of images [samples, …, …, …], and inputs has the shape [2, 2]: leave it out',
    ]);
  });
});

describe('labels', () => {
  test.each(types.filter((type) => !type.startsWith('f')))('of %s are classes, in one dimension or two', async (type) => {
    const labels = type === 'b1' ? [1, 0, 1] : [2, 0, 1];
    for (const shape of [[3], [3, 1]]) {
      const { splits, taken } = await read({ inputs: x(3), targets: npy(`>${type}`, shape, labels) });
      expect([...splits.train.targets]).toEqual(labels);
      expect(classesOf(splits)).toEqual(type === 'b1' ? ['0', '1'] : ['0', '1', '2']);
      expect(taken).toContainEqual({
        field: 'targetKind',
        value: 'class',
        reason: `The targets are whole numbers (>${type}): each number is a class.`,
      });
    }
  });

  test.each(types)('that are one-hot rows of %s are classes, and said to be', async (type) => {
    for (const isFortran of [false, true]) {
      const { splits, taken } = await read({
        inputs: x(3),
        targets: npy(`<${type}`, [3, 4], [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0], isFortran),
      });
      expect([...splits.train.targets]).toEqual([1, 0, 2]);
      expect(classesOf(splits)).toEqual(['0', '1', '2', '3']);
      expect(taken).toContainEqual({
        field: 'targetKind',
        value: 'class',
        reason: 'Each row of the targets is one-hot: a single 1, which names one of 4 classes.',
      });
    }
  });

  test('that are text are classes by their names', async () => {
    for (const order of ['<', '>'] as const) {
      const { splits } = await read({ inputs: x(3), targets: textNpy(['犬', 'cat', 'Käfer🐞'], order) });
      expect(classesOf(splits)).toEqual(['Käfer🐞', 'cat', '犬']);
      expect([...splits.train.targets]).toEqual([2, 1, 0]);
    }
  });

  test('that are floats are values, unless the field says class', async () => {
    const targets = npy('<f8', [3], [2, 0, 1]);
    const values = await read({ inputs: x(3), targets });
    expect(values.splits.train).toMatchObject({ target: { kind: 'values', shape: [1] }, targets: Float32Array.of(2, 0, 1) });
    expect(values.taken).toContainEqual({
      field: 'targetKind',
      value: 'value',
      reason: 'The targets are numbers (<f8). All are whole: send targetKind=class to learn them as classes.',
    });
    const classes = await read({ inputs: x(3), targets }, { targetKind: 'class' });
    expect(classesOf(classes.splits)).toEqual(['0', '1', '2']);
    expect(classes.taken.filter(({ field }) => field === 'targetKind')).toEqual([]);
  });

  test('are values when the field says so', async () => {
    const numbers = await read({ inputs: x(2), targets: y(5, -3) }, { targetKind: 'value' });
    expect(numbers.splits.train).toMatchObject({ target: { kind: 'values', shape: [1] }, targets: Float32Array.of(5, -3) });
    const rows = await read({ inputs: x(2), targets: npy('<f4', [2, 2], [0, 1, 1, 0]) }, { targetKind: 'value' });
    expect(rows.splits.train).toMatchObject({ target: { kind: 'values', shape: [2] }, targets: Float32Array.of(0, 1, 1, 0) });
  });

  test('in rows that are not one-hot are values', async () => {
    for (const row of [
      [0, 0],
      [1, 1],
      [0, 2],
      [0.5, 0.5],
    ]) {
      const { splits } = await read({ inputs: x(2), targets: npy('<f4', [2, 2], [1, 0, ...row]) });
      expect(splits.train.target).toEqual({ kind: 'values', shape: [2] });
    }
    expect(await faults({ inputs: x(2), targets: npy('<f4', [2, 2], [1, 0, 1, 1]) }, { targetKind: 'class' })).toEqual([
      'targets: its rows are not one-hot: expected a single 1 in each, or one label a sample',
    ]);
  });

  test('that are negative or not whole are refused with the first of them and the remedy', async () => {
    expect(await faults({ inputs: x(4), targets: y(1, -1, 1, -1) })).toEqual([
      'targets: the label -1 of sample 1 is no class, as is 1 other: classes are whole numbers from 0 to 9999. Number them with numpy.unique(y, return_inverse=True)[1], or send targetKind=value',
    ]);
    expect(await faults({ inputs: x(2), targets: npy('<f4', [2], [1, 0.5]) }, { targetKind: 'class' })).toEqual([
      expect.stringMatching(/^targets: the label 0\.5 of sample 1 is no class: /),
    ]);
  });

  test('with gaps are counted from 0, and what no sample has is said', async () => {
    const { splits, taken } = await read({ inputs: x(3), targets: y(1, 2, 5) });
    expect(classesOf(splits)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(taken).toContainEqual({
      field: 'targets',
      value: { emptyClasses: 3 },
      reason: 'The labels go up to 5, but no sample has the label 0, 3, 4. Classes are counted from 0.',
    });
  });

  test('that were sent as inputs are recognised', async () => {
    expect(await faults({ inputs: y(0, 1), targets: npy('|u1', [2, 2, 2], range(8)) })).toEqual([
      'inputs has the shape [2], targets [2, 2, 2]: are they exchanged?',
    ]);
  });
});

describe('an NPZ file', () => {
  const npz = (arrays: Readonly<Record<string, Uint8Array>>, level: 0 | 6 = 0): Uint8Array =>
    zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])), { level });

  test.each([
    ['x', 'y'],
    ['inputs', 'targets'],
    ['X', 'Y'],
    ['images', 'labels'],
  ])('has its samples in %s and %s, compressed or not', async (inputs, targets) => {
    for (const level of [0, 6] as const) {
      const { splits, format, taken } = await read({ file: npz({ [inputs]: x(3), [targets]: y(0, 2, 1) }, level) });
      expect(splits.train).toMatchObject({ length: 3, inputs: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5), targets: Int32Array.of(0, 2, 1) });
      expect([format, splits.test]).toEqual(['npy', null]);
      expect(taken).toContainEqual({
        field: 'file',
        value: { inputs: inputs.toLowerCase(), targets: targets.toLowerCase() },
        reason: 'The arrays of the file were taken by their names.',
      });
    }
  });

  test('may have both parts, as that of Keras has', async () => {
    const images = (samples: number): Uint8Array => npy('|u1', [samples, 2, 2], range(4 * samples));
    const { splits } = await read({ file: npz({ x_train: images(3), y_train: y(0, 1, 2), x_test: images(1), y_test: y(2) }) });
    expect([splits.train.length, splits.train.inputShape, splits.test?.targets]).toEqual([3, [1, 2, 2], Int32Array.of(2)]);
  });

  test('or comes in two files', async () => {
    const { splits } = await read({ file: npz({ x: x(2), y: y(0, 1) }), testFile: npz({ x_test: x(1), y_test: y(1) }) });
    expect([splits.train.length, splits.test?.length]).toEqual([2, 1]);
  });

  test('of the export of a dataset is that dataset again, with the names of its classes', async () => {
    const train: Dataset = {
      length: 2,
      inputShape: [2],
      inputs: Float32Array.of(1, 2, 3, 4),
      target: { kind: 'class', classes: ['0', '1'] },
      targets: Int32Array.of(1, 0),
    };
    const exported = Buffer.from(encodeNpz({ train, test: train }));
    expect((await read({ file: exported })).splits).toEqual({ train, test: train });
    const named = npz({ train_inputs: x(2), train_targets: y(0, 1), classes: textNpy(['ant', 'bee', 'cow']) });
    expect(classesOf((await read({ file: named })).splits)).toEqual(['ant', 'bee', 'cow']);
  });

  test('with other names is refused with what it holds, and arrays that are not used are named', async () => {
    expect(await faults({ file: npz({ arr_0: x(2), arr_1: y(0, 1) }) })).toEqual([
      'file: holds the arrays arr_0 [2, 2], arr_1 [2]: name inputs and targets x and y, numpy.savez("data.npz", x=…, y=…), and those of a test part x_test and y_test with x_train and y_train',
    ]);
    const { taken } = await read({ file: npz({ x: x(2), y: y(0, 1), weights: x(1) }) });
    expect(taken).toContainEqual({ field: 'file', value: { unused: ['weights'] }, reason: '1 other array of the file is not used.' });
  });

  test('names its arrays in what is wrong with them', async () => {
    expect(await faults({ file: npz({ x: npy('<f4', [2], [0, NaN]), y: y(0, 1) }) })).toEqual([
      'file/x: the value at [1] is NaN, which is not a finite number: replace it, or leave the sample out',
    ]);
  });

  test('is not sent with a pair', async () => {
    expect(await faults({ file: npz({ x: x(2), y: y(0, 1) }), inputs: x(2), targets: y(0, 1) })).toEqual(
      ['inputs', 'targets'].map(
        (part) => `${part}: npy data is a pair of files: send the parts inputs and targets, or one .npz as the part file`,
      ),
    );
  });
});
