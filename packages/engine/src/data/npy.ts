// Reads NumPy's NPY format (numpy/lib/format.py; versions 1 to 3): a magic number, a header in Python syntax, then the values.
// It reads floats, integers, booleans and text of any size and byte order. npyDataset.ts decides what the arrays mean.
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';

export type NpyKind = 'float' | 'int' | 'uint' | 'bool' | 'text';

export interface NpyArray {
  /** NumPy's name of the number type: `<f4`, `|u1`, `>i2`. */
  readonly type: string;
  readonly kind: NpyKind;
  /** The bytes of one value. */
  readonly itemBytes: number;
  readonly isBigEndian: boolean;
  /** Whether the values are stored column by column: the first index changes fastest. Otherwise the last index changes fastest. */
  readonly isFortran: boolean;
  readonly shape: Shape;
  readonly data: Uint8Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/**
 * The maximum number of bytes of a header. NumPy has the same limit (max_header_size of numpy.load). A plain array's header has about a
 * hundred bytes.
 */
const HEADER_BYTES = 10_000;
/** Matches the header that NumPy writes. Other Python expressions are refused. */
const HEADER = /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(\s*((?:\d+\s*,\s*)*(?:\d+)?)\s*\),?\s*\}\s*$/;

const kinds: Readonly<Record<string, NpyKind>> = { f: 'float', i: 'int', u: 'uint', b: 'bool', U: 'text' };
/** The possible sizes of a value in bytes, by kind. A text has any number of characters of four bytes. */
const sizes: Readonly<Record<NpyKind, readonly number[]>> = {
  float: [2, 4, 8],
  int: [1, 2, 4, 8],
  uint: [1, 2, 4, 8],
  bool: [1],
  text: [],
};

/** What to do about a type that is not read, by the letter of the type in NumPy. */
const remedies: Readonly<Record<string, string>> = {
  O: 'Python objects: convert them with a.astype("float32"), or labels with numpy.unique(y, return_inverse=True)[1]',
  S: 'bytes: convert them to text with a.astype(str), or labels with numpy.unique(y, return_inverse=True)[1]',
  M: 'dates: convert them to days with a.astype("datetime64[D]").astype("int64")',
  m: 'time spans: convert them to seconds with a.astype("timedelta64[s]").astype("int64")',
  c: 'complex numbers: save their parts with numpy.stack([a.real, a.imag], axis=1)',
  V: 'of a type that is not read: convert them with a.astype("float32")',
  f: 'of extended precision: convert them with a.astype("float64")',
};

/**
 * Reads an NPY file.
 * @throws DataFormatError if the file is malformed or its number type is not supported. The message has the byte or the header's field, the
 *   value found there and the expected value
 */
export function parseNpy({ name, bytes }: NamedBytes): NpyArray {
  const wrong = MAGIC.findIndex((byte, i) => bytes[i] !== byte);
  if (wrong !== -1) throw new DataFormatError(`${name}: not an NPY file: byte ${wrong} is not the one of "\\x93NUMPY"`);
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
  const header = parseHeader(name, bytes.slice(begin, end));
  const size = sizeOf(header.shape) * header.itemBytes;
  if (bytes.length - end !== size) {
    throw new DataFormatError(
      `${name}: shape ${formatShape(header.shape)} of ${header.type} takes ${size} bytes from byte ${end} on, but the file has ${bytes.length - end} there`,
    );
  }
  return { ...header, data: bytes.subarray(end) };
}

function parseHeader(name: string, bytes: Uint8Array): Omit<NpyArray, 'data'> {
  const text = new TextDecoder('latin1').decode(Uint8Array.from(bytes));
  if (/^\{\s*'descr':\s*[[(]/.test(text)) {
    throw new DataFormatError(
      `${name}: its values are records with fields: save each field as an array of its own, numpy.save("x.npy", a["field"])`,
    );
  }
  const match = HEADER.exec(text);
  if (match === null) {
    throw new DataFormatError(
      `${name}: the header ${JSON.stringify(text.trim().slice(0, 80))} is not one of a plain array: expected {'descr': …, 'fortran_order': …, 'shape': (…), }`,
    );
  }
  const [, descr, fortran, lengths] = match;
  const shape = lengths
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  if (!Number.isSafeInteger(sizeOf(shape) * 8)) throw new DataFormatError(`${name}: no array has the shape ${formatShape(shape)}`);
  return { type: descr, ...typeOf(name, descr), isFortran: fortran === 'True' && shape.length > 1, shape };
}

function typeOf(name: string, descr: string): Pick<NpyArray, 'kind' | 'itemBytes' | 'isBigEndian'> {
  const [, order = '', letter = '', digits = ''] = /^([<>|=])([A-Za-z])(\d*)/.exec(descr) ?? [];
  const kind = Object.hasOwn(kinds, letter) ? kinds[letter] : undefined;
  const itemBytes = Number(digits) * (kind === 'text' ? 4 : 1);
  if (kind !== undefined && (kind === 'text' || sizes[kind].includes(itemBytes)) && /^.[A-Za-z]\d+$/.test(descr)) {
    return { kind, itemBytes, isBigEndian: order === '>' };
  }
  const remedy = remedies[letter] ?? 'not read: convert them with a.astype("float32")';
  throw new DataFormatError(`${name}: its values are ${JSON.stringify(descr)}, ${remedy}`);
}
