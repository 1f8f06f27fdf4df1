// The IDX format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/): two zero bytes, a type, the number of
// dimensions, their sizes as big-endian 32-bit integers, then the values. Only unsigned bytes are read; unpacking gzip
// is done before.
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Dataset } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';

export interface IdxArray {
  readonly shape: Shape;
  /** A view of the file's bytes, row-major. */
  readonly data: Uint8Array;
}

const typeNames: ReadonlyMap<number, string> = new Map([
  [0x08, 'unsigned bytes'],
  [0x09, 'signed bytes'],
  [0x0b, '16-bit integers'],
  [0x0c, '32-bit integers'],
  [0x0d, '32-bit floats'],
  [0x0e, '64-bit floats'],
]);
const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes.
 * @param name the file's, for messages
 * @throws DataFormatError that names the byte, what it is and what it should be.
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  if (bytes.length < 4) throw new DataFormatError(`${name}: ${bytes.length} bytes are too few for an IDX file, whose head alone has 4`);
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw new DataFormatError(`${name}: not an IDX file: bytes 0 and 1 are ${hex(bytes[0])} ${hex(bytes[1])}, expected 0x00 0x00`);
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    const found = typeNames.get(bytes[2]);
    throw new DataFormatError(
      `${name}: byte 2 is ${hex(bytes[2])} (${found ?? 'no IDX type'}), expected ${hex(UNSIGNED_BYTE)} (unsigned bytes)`,
    );
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
  const size = sizeOf(shape);
  if (bytes.length !== head + size) {
    throw new DataFormatError(
      `${name}: shape ${formatShape(shape)} takes ${size} bytes from byte ${head} on, but the file has ${bytes.length - head} there`,
    );
  }
  return { shape, data: bytes.subarray(head) };
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
    throw new DataFormatError(`${labels.name}: expected one label a sample, of shape [samples], got ${formatShape(target.shape)}`);
  }
  if (target.data.length !== length) {
    throw new DataFormatError(`${images.name} has ${length} images, but ${labels.name} has ${target.data.length} labels`);
  }
  const wrong = target.data.findIndex((label) => label >= classes.length);
  if (wrong !== -1) {
    throw new DataFormatError(
      `${labels.name}: label ${target.data[wrong]} at byte ${labels.bytes.length - length + wrong} is none of the ${classes.length} classes 0 to ${classes.length - 1}`,
    );
  }
  return { length, inputShape: [1, rows, columns], inputs: data, target: { kind: 'class', classes }, targets: target.data };
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
