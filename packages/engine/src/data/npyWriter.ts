// NumPy's formats as they are written: an array as NPY (numpy/lib/format.py, version 1), a dataset's parts as NPZ, a zip of
// such arrays. Reading them is npy.ts's and npz.ts's.
import { zipSync } from 'fflate';
import { type Shape, sizeOf } from '../shape.ts';
import { type Dataset, type Splits, targetSize } from './dataset.ts';

type NpyValues = Uint8Array | Int32Array | Float32Array;

/** NumPy aligns the values at this many bytes. */
const ALIGNMENT = 64;
/** Magic number, version and the header's length. */
const PREAMBLE = 10;

/** NumPy's name of the type that the values are written as: classes as NumPy and PyTorch have whole numbers. */
function typed(data: NpyValues): ['|u1' | '<f4' | '<i8', NpyValues | BigInt64Array] {
  if (data instanceof Uint8Array) return ['|u1', data];
  return data instanceof Int32Array ? ['<i8', BigInt64Array.from(data, BigInt)] : ['<f4', data];
}

/** An array as an NPY file; `values` are row-major, and int32 is written as int64. */
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

/** The time that members of a zip carry: the same for everybody who exports the same data. */
export const EPOCH = new Date(1980, 0, 1);

/** Texts as an NPY file of NumPy's fixed-width unicode. */
export function encodeNpyText(texts: readonly string[]): Uint8Array {
  const points = texts.map((text) => Uint32Array.from(Array.from(text), (character) => character.codePointAt(0) ?? 0));
  const width = points.reduce((most, { length }) => Math.max(most, length), 1);
  const values = new Uint32Array(texts.length * width);
  for (const [i, text] of points.entries()) values.set(text, i * width);
  return encode(`<U${width}`, [texts.length], values);
}

/**
 * A dataset as NPZ: `train_inputs` [samples, …], `train_targets` [samples] or [samples, …] and, where there is a test part,
 * `test_inputs` and `test_targets`. Pixels are bytes, as they are before they are divided by 255.
 */
export function encodeNpz({ train, test }: Splits): Uint8Array {
  const members = [...arraysOf('train', train), ...(test === null ? [] : arraysOf('test', test))];
  // Not compressed, as numpy.savez writes it: that would hold up whoever serves it.
  return zipSync(Object.fromEntries(members.map(({ name, encode: write }) => [name, write()])), { level: 0, mtime: EPOCH });
}

/** A member of an NPZ file, encoded when it is its turn. */
export interface NpzMember {
  readonly name: string;
  readonly encode: () => Uint8Array;
}

/** The arrays of one part. */
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
