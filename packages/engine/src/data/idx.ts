// Reads the IDX format of MNIST and similar datasets (http://yann.lecun.com/exdb/mnist/). A file has two zero bytes, the number type, the
// number of dimensions, their sizes as 32-bit integers, then the values. Numbers are big-endian. MNIST's values are unsigned bytes. The
// caller unpacks gzipped files.
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

/** The number types, by their byte in the file. `type` is the type's name in NumPy. */
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
 * @param name the file's name in messages
 * @throws DataFormatError if the file is malformed or contains another number type than unsigned bytes. The message has the position in the
 *   file, the value found there and the expected value
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const { shape, data } = parseIdxArray({ bytes, name }, [UNSIGNED_BYTE]);
  return { shape, data };
}

/**
 * Reads an IDX file.
 * @param read the accepted number types, as their bytes in the file. Default: all types
 * @throws DataFormatError if the file is malformed or its number type is not accepted. The message has the position in the file, the value
 *   found there and the expected value
 */
export function parseIdxArray({ bytes, name }: NamedBytes, read: readonly number[] = [...types.keys()]): NpyArray {
  if (bytes.length < 4) throw new DataFormatError(`${name}: ${bytes.length} bytes are too few for an IDX file: its header has at least 4`);
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
      `${name}: byte 3 says that there are ${rank} dimensions, so their sizes end at byte ${head}, but the file has ${bytes.length} bytes`,
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
 * Makes a split from a pair of IDX files: grey images [samples, rows, columns] and one label for each image.
 * @param classes the names of the classes. A label is an index into this list
 * @throws DataFormatError if a file is malformed, if the numbers of images and labels differ, or if a label is not an index of `classes`
 */
export function idxDataset(images: NamedBytes, labels: NamedBytes, classes: readonly string[]): Dataset {
  const { shape, data } = parseIdx(images.bytes, images.name);
  if (shape.length !== 3 || shape.includes(0)) {
    throw new DataFormatError(`${images.name}: expected images of shape [samples, rows, columns], got ${formatShape(shape)}`);
  }
  const [length, rows, columns] = shape;
  const target = parseIdx(labels.bytes, labels.name);
  if (target.shape.length !== 1) {
    throw new DataFormatError(`${labels.name}: expected one label per sample, of shape [samples], got ${formatShape(target.shape)}`, {
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
