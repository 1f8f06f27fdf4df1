// Writes arrays as NumPy does, in every type and byte order, and reads them as the reader of uploads does.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, type ImageOpener, type UploadFilePart, uploadOptions } from '@trainyard/engine/data';
import { type ReadUpload, readUpload } from '@trainyard/engine/node';
import { faultsOf } from './refusals.ts';

export type Files = Partial<Record<UploadFilePart, Uint8Array>>;

/** Reads an upload with these files. @param options the other fields of the form @throws UploadError with all faults */
export async function read(files: Files, options: object = {}, readers: { readonly openImage?: ImageOpener } = {}): Promise<ReadUpload> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-arrays-'));
  try {
    const uploaded = Object.keys(files).map((part) => ({ part: part as UploadFilePart, path: join(folder, part) }));
    for (const { part, path } of uploaded) await writeFile(path, files[part] ?? new Uint8Array());
    return await readUpload(uploaded, uploadOptions.parse(options), readers);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Returns the messages of all faults of a refused upload. @throws Error if the upload is not refused */
export async function faults(files: Files, options: object = {}): Promise<readonly string[]> {
  return (await faultsOf(read(files, options))).map(({ message }) => message);
}

/** Writes a number of each NumPy type. The names are without the byte order. */
export const writers: Readonly<
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
export const types = Object.keys(writers);

/** Returns the bits of a whole number up to 2048 in half precision. */
export function half(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  return (value < 0 ? 0x8000 : 0) + ((exponent + 15) << 10) + (Math.abs(value) / 2 ** exponent - 1) * 1024;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Builds a file as numpy.save does. @param values in C order, also if the file is in Fortran order */
export function npy(type: string, shape: readonly number[], values: readonly number[], isFortran = false): Uint8Array {
  const [bytes, write] = writers[type.slice(1)] ?? [0, () => undefined];
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const header = `{'descr': '${type}', 'fortran_order': ${isFortran ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const padded = `${header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11)}\n`;
  const front = Buffer.from(`\x93NUMPY\x01\0${String.fromCharCode(padded.length & 255, padded.length >> 8)}`, 'latin1');
  const data = Buffer.alloc(bytes * values.length);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  values.forEach((value, i) => {
    // In Fortran order the first axis changes fastest.
    const indices = shape.map((length, axis) => Math.floor(i / sizeOf(shape.slice(axis + 1))) % length);
    const place = isFortran ? indices.reduce((sum, index, axis) => sum + index * sizeOf(shape.slice(0, axis)), 0) : i;
    write(view, place * bytes, value, type[0] !== '>');
  });
  return Buffer.concat([front, Buffer.from(padded, 'latin1'), data]);
}

/** Builds an NPY file of texts, padded to the length of the longest. */
export function textNpy(texts: readonly string[], order: '<' | '>' = '<'): Uint8Array {
  const width = Math.max(...texts.map((text) => Array.from(text).length));
  const points = texts.flatMap((text) => Array.from({ length: width }, (_, i) => Array.from(text)[i]?.codePointAt(0) ?? 0));
  const array = npy(`${order}u4`, [points.length], points);
  const header = `{'descr': '${order}U${width}', 'fortran_order': False, 'shape': (${texts.length},), }`;
  return Buffer.concat([array.subarray(0, 10), Buffer.from(`${header.padEnd(117)}\n`), array.subarray(128)]);
}

/** Lists `of(0)` to `of(length - 1)`. */
export const range = (length: number, of: (i: number) => number = (i) => i): number[] => Array.from({ length }, (_, i) => of(i));
/** Builds inputs: `samples` rows of two numbers. */
export const x = (samples: number): Uint8Array =>
  npy(
    '<f4',
    [samples, 2],
    range(2 * samples, (i) => i / 2),
  );
/** Builds labels. */
export const y = (...labels: number[]): Uint8Array => npy('<i8', [labels.length], labels);
/** Returns the names of the classes; null if the targets are not classes. */
export const classesOf = ({ train }: { readonly train: Dataset }) => (train.target.kind === 'class' ? train.target.classes : null);
