// Tests uploads of labels as NumPy arrays with one label or one row of numbers per sample, and uploads of NPZ files, which contain inputs
// and labels.
import { type Dataset, encodeNpz } from '@trainyard/engine/data';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { read, faults, types, npy, textNpy, range, x, y, classesOf } from './arrayFiles.ts';

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

  test.each(types)('that are one-hot rows of %s are classes, which the response reports', async (type) => {
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
        reason: 'Each row of the targets is one-hot: a single 1 marks one of 4 classes.',
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
      reason: 'The targets are numbers (<f8). All are whole numbers: send targetKind=class to use them as classes.',
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
      'targets: its rows are not one-hot: expected a single 1 in each, or one label per sample',
    ]);
  });

  test('that are negative or not whole are refused with the first wrong label and a remedy', async () => {
    expect(await faults({ inputs: x(4), targets: y(1, -1, 1, -1) })).toEqual([
      'targets: the label -1 of sample 1 is no class, as is 1 other: classes are whole numbers from 0 to 9999. Number them with numpy.unique(y, return_inverse=True)[1], or send targetKind=value',
    ]);
    expect(await faults({ inputs: x(2), targets: npy('<f4', [2], [1, 0.5]) }, { targetKind: 'class' })).toEqual([
      expect.stringMatching(/^targets: the label 0\.5 of sample 1 is no class: /),
    ]);
  });

  test('with gaps are numbered from 0, and the response names the labels without samples', async () => {
    const { splits, taken } = await read({ inputs: x(3), targets: y(1, 2, 5) });
    expect(classesOf(splits)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(taken).toContainEqual({
      field: 'targets',
      value: { emptyClasses: 3 },
      reason: 'The labels go up to 5, but no sample has the label 0, 3, 4. Classes are counted from 0.',
    });
  });

  test('that were sent as inputs are refused with a hint that inputs and targets may be exchanged', async () => {
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
        reason: 'The arrays of the file were recognised by their names.',
      });
    }
  });

  test('may have a training part and a test part, as the files of Keras do', async () => {
    const images = (samples: number): Uint8Array => npy('|u1', [samples, 2, 2], range(4 * samples));
    const { splits } = await read({ file: npz({ x_train: images(3), y_train: y(0, 1, 2), x_test: images(1), y_test: y(2) }) });
    expect([splits.train.length, splits.train.inputShape, splits.test?.targets]).toEqual([3, [1, 2, 2], Int32Array.of(2)]);
  });

  test('may be two files, one for each part', async () => {
    const { splits } = await read({ file: npz({ x: x(2), y: y(0, 1) }), testFile: npz({ x_test: x(1), y_test: y(1) }) });
    expect([splits.train.length, splits.test?.length]).toEqual([2, 1]);
  });

  test('with an exported dataset is read as the same dataset, including the names of its classes', async () => {
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

  test('with other names is refused with a list of its arrays, and unused arrays are named', async () => {
    expect(await faults({ file: npz({ arr_0: x(2), arr_1: y(0, 1) }) })).toEqual([
      'file: has the arrays arr_0 [2, 2], arr_1 [2]: name the inputs x and the targets y, as in numpy.savez("data.npz", x=…, y=…). With a test part use the names x_train, y_train, x_test and y_test',
    ]);
    const { taken } = await read({ file: npz({ x: x(2), y: y(0, 1), weights: x(1) }) });
    expect(taken).toContainEqual({ field: 'file', value: { unused: ['weights'] }, reason: '1 other array of the file is not used.' });
  });

  test('is refused with faults that name the array', async () => {
    expect(await faults({ file: npz({ x: npy('<f4', [2], [0, NaN]), y: y(0, 1) }) })).toEqual([
      'file/x: the value at [1] is NaN, which is not a finite number: replace it, or remove the sample',
    ]);
  });

  test('may not be sent together with a pair of arrays', async () => {
    expect(await faults({ file: npz({ x: x(2), y: y(0, 1) }), inputs: x(2), targets: y(0, 1) })).toEqual(
      ['inputs', 'targets'].map(
        (part) => `${part}: npy data is a pair of files: send the parts inputs and targets, or one .npz as the part file`,
      ),
    );
  });
});
