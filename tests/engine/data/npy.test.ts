// Tests NPY files, written as NumPy does: the dataset from a pair of files, and the errors for invalid files.
import { describe, expect, test } from 'vitest';
import { parseNpy } from '../../../packages/engine/src/data/npy.ts';
import { npyDataset } from '../../../packages/engine/src/data/npyDataset.ts';

interface Written {
  readonly descr?: string;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
  readonly fortran?: boolean;
  readonly version?: 1 | 2 | 3;
  /** Replaces the header that NumPy would write. */
  readonly header?: string;
}

const descrOf = (data: ArrayBufferView): string =>
  data instanceof Float32Array ? '<f4' : data instanceof Float64Array ? '<f8' : data instanceof BigInt64Array ? '<i8' : '|u1';

/** Writes a file like numpy.lib.format.write_array: the values begin at a multiple of 64 bytes. */
function npy(name: string, { descr, shape, data, fortran = false, version = 1, header }: Written) {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = header ?? `{'descr': '${descr ?? descrOf(data)}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const head = version === 1 ? 10 : 12;
  const padded = `${text.padEnd(Math.ceil((head + text.length + 1) / 64) * 64 - head - 1)}\n`;
  const front = Buffer.alloc(head);
  front.write('\x93NUMPY', 'latin1');
  front[6] = version;
  if (version === 1) front.writeUInt16LE(padded.length, 8);
  else front.writeUInt32LE(padded.length, 8);
  const bytes = Buffer.concat([front, Buffer.from(padded, 'latin1'), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
  return { name, bytes: Uint8Array.from(bytes) };
}

const x = npy('x.npy', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
const y = npy('y.npy', { shape: [2], data: BigInt64Array.of(0n, 2n) });

describe('a pair', () => {
  test('of floats and whole numbers gives values and classes', () => {
    const dataset = npyDataset(x, y);
    expect(dataset).toMatchObject({ length: 2, inputShape: [3], target: { kind: 'class', classes: ['0', '1', '2'] } });
    expect([...dataset.inputs]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...dataset.targets]).toEqual([0, 2]);
    expect(dataset.inputs.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('of bytes gives pixels, and grey images get a channel dimension', () => {
    const grey = npyDataset(npy('x', { shape: [2, 2, 3], data: Uint8Array.from({ length: 12 }, (_, i) => i) }), y);
    expect(grey.inputShape).toEqual([1, 2, 3]);
    expect(grey.inputs).toBeInstanceOf(Uint8Array);
    const colour = npyDataset(
      npy('x', { shape: [2, 3, 1, 2], data: new Uint8Array(12) }),
      npy('y', { shape: [2], data: Uint8Array.of(1, 0) }),
    );
    expect(colour.inputShape).toEqual([3, 1, 2]);
    expect([...colour.targets]).toEqual([1, 0]);
  });

  test('of float64 is rounded to float32, and whole numbers become values as inputs', () => {
    const dataset = npyDataset(
      npy('x', { shape: [2], data: BigInt64Array.of(-5n, 7n) }),
      npy('y', { shape: [2, 2], data: Float64Array.of(0.1, 0.2, -0.3, 1e30) }),
    );
    expect([...dataset.inputs]).toEqual([-5, 7]);
    expect(dataset).toMatchObject({ inputShape: [1], target: { kind: 'values', shape: [2] } });
    expect([...dataset.targets]).toEqual([0.1, 0.2, -0.3, 1e30].map(Math.fround));
  });

  test('has one value a sample for targets of one dimension that are no whole numbers', () => {
    const dataset = npyDataset(x, npy('y', { shape: [2], data: Float32Array.of(0.5, 1) }));
    expect(dataset.target).toEqual({ kind: 'values', shape: [1] });
  });

  test.each([
    ['other numbers of samples', x, npy('y', { shape: [3], data: new BigInt64Array(3) }), 'x.npy has 2 samples, but y has 3'],
    [
      'no samples',
      npy('x', { shape: [0, 3], data: new Float32Array() }),
      y,
      'x: expected an array [samples, …] that is not empty, got the shape [0, 3]',
    ],
    [
      'a number instead of an array',
      npy('x', { shape: [], data: new Float32Array(1) }),
      y,
      'x: expected an array [samples, …] that is not empty, got the shape []',
    ],
    [
      'a negative class',
      x,
      npy('y', { shape: [2], data: BigInt64Array.of(0n, -1n) }),
      'y: the label -1 of sample 1 is no class: classes are whole numbers from 0 to 9999. Number them with numpy.unique(y, return_inverse=True)[1], or send targetKind=value',
    ],
    [
      'a huge class',
      x,
      npy('y', { shape: [2], data: BigInt64Array.of(2n ** 60n, 0n) }),
      `y: the label ${2n ** 60n} of sample 0 is no class: classes are whole numbers from 0 to 9999. Number them with numpy.unique(y, return_inverse=True)[1], or send targetKind=value`,
    ],
    [
      'a value that is not finite',
      npy('x', { shape: [2, 2], data: Float32Array.of(0, 1, 2, NaN) }),
      y,
      'x: the value at [1, 1] is NaN, which is not a finite number: replace it, or remove the sample',
    ],
    [
      'a value beyond float32',
      npy('x', { shape: [2], data: Float64Array.of(1e300, 0) }),
      y,
      'x: the value at [0] is 1e+300, which float32 cannot hold: scale the values down, or convert them with a.astype("float32")',
    ],
  ])('is refused for %s', (_, first, second, message) => {
    expect(() => npyDataset(first, second)).toThrow(expect.objectContaining({ code: 'invalidDataFile', message }));
  });

  test('is refused if it needs more memory than allowed', () => {
    expect(() => npyDataset(x, y, { limits: { bytes: 31 } })).toThrow(
      'x.npy: 2 samples of shape [3] take 32 bytes, which is over the limit of 31',
    );
  });
});

describe('a file', () => {
  test('of any version is read, also unaligned in a larger buffer', () => {
    for (const version of [1, 2, 3] as const) {
      const { bytes } = npy('x', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6), version });
      const around = new Uint8Array(bytes.length + 3);
      around.set(bytes, 3);
      const inside = { name: 'x', bytes: around.subarray(3) };
      expect(parseNpy(inside)).toMatchObject({ type: '<f4', shape: [2, 3] });
      expect([...npyDataset(inside, y).inputs]).toEqual([1, 2, 3, 4, 5, 6]);
    }
  });

  const data = new Float32Array(6);
  test.each([
    [
      'no magic number',
      { name: 'x', bytes: Buffer.from('PK\x03\x04 and so on') },
      'x: not an NPY file: byte 0 is not the one of "\\x93NUMPY"',
    ],
    [
      'hardly any bytes',
      { name: 'x', bytes: x.bytes.subarray(0, 7) },
      'x: byte 6 gives the version 1 in a file of 7 bytes: expected version 1, 2 or 3',
    ],
    [
      'a header that goes on after the end',
      { name: 'x', bytes: x.bytes.subarray(0, 60) },
      'x: the header ends at byte 128, but the file has 60',
    ],
    [
      'missing values',
      { name: 'x', bytes: x.bytes.subarray(0, -1) },
      'x: shape [2, 3] of <f4 takes 24 bytes from byte 128 on, but the file has 23 there',
    ],
    [
      'a shape that lies',
      npy('x', { shape: [2 ** 31, 3], data }),
      'x: shape [2147483648, 3] of <f4 takes 25769803776 bytes from byte 64 on, but the file has 24 there',
    ],
    [
      'a shape beyond all numbers',
      npy('x', { shape: [2 ** 31, 2 ** 31, 2 ** 31], data }),
      'x: no array has the shape [2147483648, 2147483648, 2147483648]',
    ],
    [
      'Python objects',
      npy('x', { descr: '|O', shape: [2, 3], data }),
      'x: its values are "|O", Python objects: convert them with a.astype("float32"), or labels with numpy.unique(y, return_inverse=True)[1]',
    ],
    [
      'dates',
      npy('x', { descr: '<M8[ns]', shape: [2, 3], data }),
      'x: its values are "<M8[ns]", dates: convert them to days with a.astype("datetime64[D]").astype("int64")',
    ],
    [
      'complex numbers',
      npy('x', { descr: '<c8', shape: [3], data }),
      'x: its values are "<c8", complex numbers: save their parts with numpy.stack([a.real, a.imag], axis=1)',
    ],
    [
      'extended precision',
      npy('x', { descr: '<f16', shape: [3], data }),
      'x: its values are "<f16", of extended precision: convert them with a.astype("float64")',
    ],
  ])('is refused for %s', (_, file, message) => {
    expect(() => parseNpy(file)).toThrow(
      expect.objectContaining({ code: 'invalidDataFile', message: message.replace('byte 64', 'byte 128') }),
    );
  });

  test.each(['', "{'shape': (-6,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (6.5,), }"])(
    'is refused for the header %j',
    (header) => {
      expect(() => parseNpy(npy('x', { shape: [6], data, header }))).toThrow(/^x: the header ".*" is not one of a plain array/);
    },
  );
});

test('records with fields are refused with advice', () => {
  const header = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }";
  expect(() => parseNpy(npy('x', { shape: [6], data: new Float32Array(6), header }))).toThrow(
    'x: its values are records with fields: save each field as an array of its own, numpy.save("x.npy", a["field"])',
  );
});
