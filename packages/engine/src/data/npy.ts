// NumPy's NPY format (numpy/lib/format.py; versions 1 to 3): a magic number, a header that is a Python literal, then the
// values. Read are little-endian float32, float64, uint8 and int64 in C order; a pair of arrays makes a dataset.
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import { type Dataset, sharableBytes } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';
import { checkMemory, limitsOf, type ReaderLimits, type ReaderOptions } from './limits.ts';

/** What NumPy calls the types that are read, and the bytes of a value. */
const types = { '<f4': 4, '<f8': 8, '|u1': 1, '<i8': 8 } as const;
type NpyType = keyof typeof types;

export interface NpyArray {
  readonly type: NpyType;
  readonly shape: Shape;
  /** The values' bytes, row-major and little-endian. */
  readonly data: Uint8Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy's own limit (max_header_size of numpy.load): a plain array's header has some hundred. */
const HEADER_BYTES = 10_000;
/** As NumPy itself writes it; whatever else a Python literal could say is refused. */
const HEADER = /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(\s*((?:\d+\s*,\s*)*(?:\d+)?)\s*\),?\s*\}\s*$/;

function isNpyType(descr: string): descr is NpyType {
  return Object.hasOwn(types, descr);
}

/**
 * Reads an NPY file.
 * @throws DataFormatError that names the byte or the header's field, what it is and what it should be.
 */
export function parseNpy({ name, bytes }: NamedBytes): NpyArray {
  const wrong = MAGIC.findIndex((byte, i) => bytes[i] !== byte);
  if (wrong !== -1) throw new DataFormatError(`${name}: not an NPY file: byte ${wrong} is not that of "\\x93NUMPY"`);
  const version = bytes[6];
  const begin = version === 1 ? 10 : 12;
  if (bytes.length < begin || ![1, 2, 3].includes(version)) {
    throw new DataFormatError(
      `${name}: byte 6 gives the version ${version} in a file of ${bytes.length} bytes: expected version 1, 2 or 3`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > HEADER_BYTES) {
    throw new DataFormatError(
      `${name}: byte 8 gives the header ${length} bytes, which is over the limit of ${HEADER_BYTES}: no plain array needs so many`,
    );
  }
  const end = begin + length;
  if (end > bytes.length) {
    throw new DataFormatError(`${name}: the header ends at byte ${end}, but the file has ${bytes.length}`);
  }
  const { type, shape } = parseHeader(name, bytes.slice(begin, end));
  const size = sizeOf(shape) * types[type];
  if (bytes.length - end !== size) {
    throw new DataFormatError(
      `${name}: shape ${formatShape(shape)} of ${type} takes ${size} bytes from byte ${end} on, but the file has ${bytes.length - end} there`,
    );
  }
  return { type, shape, data: bytes.subarray(end) };
}

function parseHeader(name: string, bytes: Uint8Array): { type: NpyType; shape: Shape } {
  const text = new TextDecoder('latin1').decode(Uint8Array.from(bytes));
  const match = HEADER.exec(text);
  if (match === null) {
    throw new DataFormatError(
      `${name}: the header ${JSON.stringify(text.trim().slice(0, 80))} is not one of a plain array: expected {'descr': …, 'fortran_order': …, 'shape': (…), }`,
    );
  }
  const [, descr, fortran, sizes] = match;
  if (!isNpyType(descr)) {
    throw new DataFormatError(
      `${name}: its values are ${JSON.stringify(descr)}, read are float32 (<f4), float64 (<f8), uint8 (|u1) and int64 (<i8): convert it with astype()`,
    );
  }
  if (fortran === 'True') throw new DataFormatError(`${name}: its values lie in Fortran order: save numpy.ascontiguousarray(…)`);
  const shape = sizes
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  if (!Number.isSafeInteger(sizeOf(shape) * 8)) throw new DataFormatError(`${name}: no array has the shape ${formatShape(shape)}`);
  return { type: descr, shape };
}

/**
 * A split from a pair of arrays: inputs [samples, …] and targets [samples] or [samples, …]. Inputs of uint8 are pixels
 * (read as x / 255; [samples, rows, columns] gets its one channel), others values. Targets [samples] of whole numbers are
 * classes from 0 on; others are values.
 * @throws DataFormatError when a file is malformed, the two do not belong together or a value is not finite.
 */
export function npyDataset(x: NamedBytes, y: NamedBytes, options: ReaderOptions = {}): Dataset {
  const limits = limitsOf(options);
  const inputs = parseNpy(x);
  const targets = parseNpy(y);
  const length = checkPair(x.name, inputs, y.name, targets);
  const inputShape = sampleShape(inputs);
  const bytesPerValue = inputs.type === '|u1' ? 1 : 4;
  checkMemory(x.name, length, inputShape, sizeOf(inputs.shape) * bytesPerValue + sizeOf(targets.shape) * 4, limits);
  return {
    length,
    inputShape,
    inputs: inputs.type === '|u1' ? sharedCopy(inputs.data) : floats(x.name, inputs),
    ...(targets.shape.length === 1 && (targets.type === '|u1' || targets.type === '<i8')
      ? classes(y.name, targets, limits)
      : { target: { kind: 'values', shape: targets.shape.length === 1 ? [1] : targets.shape.slice(1) }, targets: floats(y.name, targets) }),
  };
}

function checkPair(xName: string, x: NpyArray, yName: string, y: NpyArray): number {
  for (const [name, { shape }] of [
    [xName, x],
    [yName, y],
  ] as const) {
    if (shape.length === 0 || sizeOf(shape) === 0) {
      throw new DataFormatError(`${name}: expected an array [samples, …] with something in it, got the shape ${formatShape(shape)}`);
    }
  }
  if (x.shape[0] !== y.shape[0]) throw new DataFormatError(`${xName} has ${x.shape[0]} samples, but ${yName} has ${y.shape[0]}`);
  return x.shape[0];
}

function sampleShape({ type, shape }: NpyArray): Shape {
  if (shape.length === 1) return [1];
  return type === '|u1' && shape.length === 3 ? [1, ...shape.slice(1)] : shape.slice(1);
}

function sharedCopy(bytes: Uint8Array): Uint8Array {
  const copy = sharableBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

function floats(name: string, array: NpyArray): Float32Array {
  const values = new Float32Array(sharableBytes(4 * sizeOf(array.shape)).buffer);
  const read = readerOf(array);
  for (let i = 0; i < values.length; i++) {
    const value = Number(read(i));
    values[i] = value;
    if (!Number.isFinite(values[i])) {
      throw new DataFormatError(
        `${name}: value ${i} (of sample ${Math.floor((i * array.shape[0]) / values.length)}) is ${value}: no finite float32`,
      );
    }
  }
  return values;
}

function classes(name: string, array: NpyArray, limits: ReaderLimits): Pick<Dataset, 'target' | 'targets'> {
  const targets = new Int32Array(sharableBytes(4 * sizeOf(array.shape)).buffer);
  const read = readerOf(array);
  let most = 0;
  for (let i = 0; i < targets.length; i++) {
    const label = read(i);
    if (label < 0 || label >= limits.classes) {
      throw new DataFormatError(
        `${name}: the label ${label} of sample ${i} is no class: expected whole numbers from 0 to ${limits.classes - 1}`,
      );
    }
    targets[i] = Number(label);
    most = Math.max(most, targets[i]);
  }
  return { target: { kind: 'class', classes: Array.from({ length: most + 1 }, (_, i) => String(i)) }, targets };
}

/** Values by their index; the bytes need not be aligned. */
function readerOf({ type, data }: NpyArray): (index: number) => number | bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (type) {
    case '<f4':
      return (i) => view.getFloat32(4 * i, true);
    case '<f8':
      return (i) => view.getFloat64(8 * i, true);
    case '|u1':
      return (i) => view.getUint8(i);
    case '<i8':
      return (i) => view.getBigInt64(8 * i, true);
  }
}
