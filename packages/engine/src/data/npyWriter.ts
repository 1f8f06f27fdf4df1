// Writes NumPy's formats: an array as NPY (numpy/lib/format.py, version 1), and a dataset as NPZ, a zip of such arrays. npy.ts and npz.ts
// read these formats.
import { zipSync } from 'fflate';
import { type Shape, sizeOf } from '../shape.ts';
import { type Dataset, type Splits, targetSize } from './dataset.ts';

type NpyValues = Uint8Array | Int32Array | Float32Array;

/** The values begin at a multiple of this number of bytes, as in NumPy's files. */
const ALIGNMENT = 64;
/** The bytes of the magic number, the version and the header's length. */
const PREAMBLE = 10;

/** Returns NumPy's name of the number type, and the values to write. Classes are written as int64, as NumPy and PyTorch do. */
function typed(data: NpyValues): ['|u1' | '<f4' | '<i8', NpyValues | BigInt64Array] {
  if (data instanceof Uint8Array) return ['|u1', data];
  return data instanceof Int32Array ? ['<i8', BigInt64Array.from(data, BigInt)] : ['<f4', data];
}

/** Encodes an array as an NPY file. `values` are row-major. int32 is written as int64. */
export function encodeNpy(shape: Shape, values: NpyValues): Uint8Array {
  const [type, data] = typed(values);
  return encode(type, shape, data);
}

function encode(type: string, shape: Shape, data: ArrayBufferView): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const start = Math.ceil((PREAMBLE + header.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, start - PREAMBLE, true);
  bytes.set(new TextEncoder().encode(`${header.padEnd(start - PREAMBLE - 1)}\n`), PREAMBLE);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

/** The time in the entries of a zip. It is constant, so that two exports of the same data are equal. */
export const EPOCH = new Date(1980, 0, 1);

/** Encodes texts as an NPY file of fixed-width Unicode (NumPy's type `<U`). */
export function encodeNpyText(texts: readonly string[]): Uint8Array {
  const points = texts.map((text) => Uint32Array.from(Array.from(text), (character) => character.codePointAt(0) ?? 0));
  const width = points.reduce((most, { length }) => Math.max(most, length), 1);
  const values = new Uint32Array(texts.length * width);
  for (const [i, text] of points.entries()) values.set(text, i * width);
  return encode(`<U${width}`, [texts.length], values);
}

/**
 * Encodes a dataset as NPZ: `train_inputs` [samples, …], `train_targets` [samples] or [samples, …] and, with a test part, `test_inputs`
 * and `test_targets`. Pixels are written as bytes that are not divided by 255.
 */
export function encodeNpz({ train, test }: Splits): Uint8Array {
  const members = [...arraysOf('train', train), ...(test === null ? [] : arraysOf('test', test))];
  // Not compressed, as in numpy.savez: compression would block the server for a long time.
  return zipSync(Object.fromEntries(members.map(({ name, encode: write }) => [name, write()])), { level: 0, mtime: EPOCH });
}

/** A file in an NPZ file. It is only encoded when it is written. */
export interface NpzMember {
  readonly name: string;
  readonly encode: () => Uint8Array;
}

/** Returns the arrays of one part. @param part the beginning of their names: `train` or `test` */
export function arraysOf(part: string, { length, inputShape, inputs, target, targets }: Dataset): NpzMember[] {
  return [
    { name: `${part}_inputs.npy`, encode: () => encodeNpy([length, ...inputShape], inputs.subarray(0, length * sizeOf(inputShape))) },
    {
      name: `${part}_targets.npy`,
      encode: () =>
        encodeNpy(target.kind === 'class' ? [length] : [length, ...target.shape], targets.subarray(0, length * targetSize(target))),
    },
  ];
}
