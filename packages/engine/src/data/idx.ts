// The IDX format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/): two zero bytes, a type, the number of
// dimensions, their sizes as big-endian 32-bit integers, then the values, also big-endian. MNIST has unsigned bytes. The caller
// unpacks gzip.
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Dataset } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';
import type { NpyArray, NpyKind } from './npy.ts';

export interface IdxArray {
  readonly shape: Shape;
  /** A view of the file's bytes, row-major. */
  readonly data: Uint8Array;
}

/** The number types by the byte that stands for them in the file. `type` is NumPy's name. */
const types: ReadonlyMap<number, { readonly name: string; readonly type: string; readonly kind: NpyKind; readonly itemBytes: number }> =
  new Map([
    [0x08, { name: 'unsigned bytes', type: '|u1', kind: 'uint', itemBytes: 1 }],
    [0x09, { name: 'signed bytes', type: '|i1', kind: 'int', itemBytes: 1 }],
    [0x0b, { name: '16-bit integers', type: '>i2', kind: 'int', itemBytes: 2 }],
    [0x0c, { name: '32-bit integers', type: '>i4', kind: 'int', itemBytes: 4 }],
    [0x0d, { name: '32-bit floats', type: '>f4', kind: 'float', itemBytes: 4 }],
    [0x0e, { name: '64-bit floats', type: '>f8', kind: 'float', itemBytes: 8 }],
  ]);
const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes.
 * @param name the file's, for messages
 * @throws DataFormatError that names the byte, what it is and what it should be.
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const { shape, data } = parseIdxArray({ bytes, name }, [UNSIGNED_BYTE]);
  return { shape, data };
}

/**
 * Reads an IDX file.
 * @param read the accepted types, as the bytes that stand for them. Default: all types
 * @throws DataFormatError; the message has the place in the file, the value found there and the expected value
 */
export function parseIdxArray({ bytes, name }: NamedBytes, read: readonly number[] = [...types.keys()]): NpyArray {
  if (bytes.length < 4) throw new DataFormatError(`${name}: ${bytes.length} bytes are too few for an IDX file, whose head alone has 4`);
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw new DataFormatError(`${name}: not an IDX file: bytes 0 and 1 are ${hex(bytes[0])} ${hex(bytes[1])}, expected 0x00 0x00`);
  }
  const type = types.get(bytes[2]);
  if (type === undefined || !read.includes(bytes[2])) {
    const expected = read.map((byte) => `${hex(byte)} (${types.get(byte)?.name})`).join(', ');
    throw new DataFormatError(`${name}: byte 2 is ${hex(bytes[2])} (${type?.name ?? 'no IDX type'}), expected ${expected}`);
  }
  const rank = bytes[3];
  const head = 4 + 4 * rank;
  if (bytes.length < head) {
    throw new DataFormatError(
      `${name}: byte 3 announces ${rank} dimensions, whose sizes end at byte ${head}, but the file has ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, head);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = sizeOf(shape) * type.itemBytes;
  if (bytes.length !== head + size) {
    throw new DataFormatError(
      `${name}: shape ${formatShape(shape)} takes ${size} bytes from byte ${head} on, but the file has ${bytes.length - head} there`,
    );
  }
  const { kind, itemBytes } = type;
  return { type: type.type, kind, itemBytes, isBigEndian: true, isFortran: false, shape, data: bytes.subarray(head) };
}

/**
 * A split from its IDX pair: grey images [samples, rows, columns] and one label each.
 * @param classes their names; labels are indices into them
 * @throws DataFormatError when a file is malformed, the two do not belong together, or a label names no class.
 */
export function idxDataset(images: NamedBytes, labels: NamedBytes, classes: readonly string[]): Dataset {
  const { shape, data } = parseIdx(images.bytes, images.name);
  if (shape.length !== 3 || shape.includes(0)) {
    throw new DataFormatError(`${images.name}: expected images of shape [samples, rows, columns], got ${formatShape(shape)}`);
  }
  const [length, rows, columns] = shape;
  const target = parseIdx(labels.bytes, labels.name);
  if (target.shape.length !== 1) {
    throw new DataFormatError(`${labels.name}: expected one label a sample, of shape [samples], got ${formatShape(target.shape)}`, {
      place: { part: labels.name },
    });
  }
  if (target.data.length !== length) {
    throw new DataFormatError(`${images.name} has ${length} images, but ${labels.name} has ${target.data.length} labels`);
  }
  const wrong = target.data.findIndex((label) => label >= classes.length);
  if (wrong !== -1) {
    throw new DataFormatError(
      `${labels.name}: label ${target.data[wrong]} at byte ${labels.bytes.length - length + wrong} is none of the ${classes.length} classes 0 to ${classes.length - 1}`,
      { place: { part: labels.name, sample: wrong } },
    );
  }
  return { length, inputShape: [1, rows, columns], inputs: data, target: { kind: 'class', classes }, targets: target.data };
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
