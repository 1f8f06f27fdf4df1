// The safetensors format: eight bytes of header length, a JSON header, then the tensors' bytes, little-endian.
// (github.com/huggingface/safetensors, "Format".) Reads and writes bytes and opens no file; a file from elsewhere is
// checked whole before a tensor of it is believed.
import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { parse, show } from '../validation.ts';

/** The kinds of numbers that are read and written. */
const arrays = { F32: Float32Array, F64: Float64Array, I64: BigInt64Array } as const;
type ElementType = keyof typeof arrays;
const elementTypes = Object.keys(arrays) as ElementType[];
const arraysByType = new Map<string, (typeof arrays)[ElementType]>(Object.entries(arrays));

/** A tensor with its values, row-major. */
export interface NamedArray {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array | BigInt64Array;
}

export interface SafetensorsFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The tensors' bytes alone, one tensor after the other in name order: what is hashed. */
  readonly tensorBytes: Uint8Array<ArrayBuffer>;
}

/** Bytes that are no safetensors file, or one with numbers of a kind that is not read. */
export class SafetensorsError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidSafetensors', `not a safetensors file that can be read: ${message}`, options);
  }
}

/** Names in the order in which their bytes are hashed: by code unit. */
export function inNameOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  return tensors.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The file of {@link writeSafetensors}, and what of it is hashed. */
export function encodeSafetensors(tensors: readonly NamedArray[], metadata: Readonly<Record<string, string>> = {}): SafetensorsFile {
  const named = inNameOrder(tensors);
  const tensorBytes = new Uint8Array(named.reduce((sum, { data }) => sum + data.byteLength, 0));
  writeArrays(tensorBytes, named);
  return { bytes: writeSafetensors(tensors, metadata), tensorBytes };
}

/**
 * A file that holds the tensors in the precision that they have, wide numbers first and else in name order, as the
 * reference writer does it: readers map the bytes, so every number must be aligned.
 */
export function writeSafetensors(tensors: readonly NamedArray[], metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const ordered = inNameOrder(tensors).toSorted((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  let end = 0;
  const entries = ordered.map(({ name, shape, data }) => {
    const dtype = elementTypes.find((type) => data instanceof arrays[type]);
    end += data.byteLength;
    return [name, { dtype, shape, data_offsets: [end - data.byteLength, end] }] as const;
  });
  // Padded with spaces so that the tensors begin at a multiple of 8, as the reference writer does it.
  const json = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.fill(0x20, 8, start).set(json, 8);
  writeArrays(bytes.subarray(start), ordered);
  return bytes;
}

/** Every platform that runs the kernels stores numbers little-endian, as the format does. */
function writeArrays(bytes: Uint8Array, tensors: readonly NamedArray[]): void {
  let offset = 0;
  for (const { data } of tensors) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
}

const size = z.int().min(0);
const headerSchema = z
  .object({ __metadata__: z.record(z.string(), z.string()).default({}) })
  .catchall(z.strictObject({ dtype: z.string(), shape: z.array(size).max(64), data_offsets: z.tuple([size, size]) }));

/**
 * The tensors of a file, in the order of their bytes, as copies; and its metadata.
 * @throws SafetensorsError when the header is not one, a tensor's numbers are not F32, F64 or I64 or not as many as its
 *   shape says, or the tensors overlap, leave gaps or do not fill the file.
 */
export function decodeSafetensors(bytes: Uint8Array): { tensors: NamedArray[]; metadata: Record<string, string> } {
  const length = checkedHeaderBytes(bytes, bytes.length);
  const { metadata, tensors } = layoutOf(bytes.subarray(SAFETENSORS_LENGTH_BYTES, SAFETENSORS_LENGTH_BYTES + length), bytes.length);
  return {
    metadata,
    tensors: tensors.map(({ name, shape, dtype, start, end }) => ({
      name,
      shape,
      // A copy in any case: the slice() of a Node Buffer would be none.
      data: new arrays[dtype](new Uint8Array(bytes.subarray(start, end)).buffer),
    })),
  };
}

/** A tensor of a file that was checked, without its values. */
export interface ListedTensor extends StoredTensor {
  readonly dtype: ElementType;
}

/**
 * The same checks, and what the file holds, without a byte of its tensors.
 * @param header what follows the eight bytes of its length
 * @param fileBytes of the whole file
 * @throws SafetensorsError
 */
export function listSafetensors(header: Uint8Array, fileBytes: number): readonly ListedTensor[] {
  return layoutOf(header, fileBytes).tensors;
}

function layoutOf(headerBytes: Uint8Array, fileBytes: number): { tensors: ListedTensor[]; metadata: Record<string, string> } {
  const { __metadata__: metadata, ...entries } = parseHeader(headerBytes);
  const begin = SAFETENSORS_LENGTH_BYTES + headerBytes.length;
  const width = (dtype: string): number => arraysByType.get(dtype)?.BYTES_PER_ELEMENT ?? 0;
  const stored = inNameOrder(Object.entries(entries).map(([name, entry]) => ({ name, ...entry }))).toSorted(
    // Tensors without bytes lie at one place: they come in the order in which they are written.
    ({ data_offsets: [a, aEnd], dtype: aType }, { data_offsets: [b, bEnd], dtype: bType }) =>
      a - b || aEnd - bEnd || width(bType) - width(aType),
  );
  let end = 0;
  const tensors = stored.map(({ name, dtype, shape, data_offsets }): ListedTensor => {
    const place = `tensor ${show(name)}`;
    const [from, to] = data_offsets;
    const type = elementTypes.find((known) => known === dtype);
    if (type === undefined) throw new SafetensorsError(`${place} is stored as ${show(dtype)}: store it as ${elementTypes.join(', ')}`);
    if (from !== end) throw new SafetensorsError(`${place} begins at byte ${from} of the data, where ${end} was due: gap or overlap`);
    const wanted = sizeOf(shape) * arrays[type].BYTES_PER_ELEMENT;
    if (to - from !== wanted) throw new SafetensorsError(`${place} has ${to - from} bytes, but its shape takes ${wanted}`);
    if (begin + to > fileBytes) throw new SafetensorsError(`${place} ends ${begin + to - fileBytes} bytes after the file`);
    end = to;
    return { name, shape, dtype: type, start: begin + from, end: begin + to };
  });
  if (begin + end !== fileBytes) throw new SafetensorsError(`${fileBytes - begin - end} bytes follow the last tensor`);
  return { tensors, metadata };
}

/** Where a tensor lies in its file: from the byte `start` up to but not including `end`. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly start: number;
  readonly end: number;
}

/** The bytes that give the header's length. */
export const SAFETENSORS_LENGTH_BYTES = 8;

/** Bytes of the header. @param bytes at least the file's first eight. */
export function safetensorsHeaderBytes(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

/**
 * Where the tensors of a file lie, for those who do not want all of them in memory.
 * @param header what follows the length.
 * @throws SafetensorsError when it is none.
 */
export function safetensorsIndex(header: Uint8Array): StoredTensor[] {
  const { __metadata__: _, ...entries } = parseHeader(header);
  const begin = SAFETENSORS_LENGTH_BYTES + header.length;
  return Object.entries(entries).map(
    ([
      name,
      {
        shape,
        data_offsets: [start, end],
      },
    ]) => ({
      name,
      shape,
      start: begin + start,
      end: begin + end,
    }),
  );
}

/**
 * Bytes of the header of a file, if it can be one.
 * @param start at least the file's first eight bytes, if it has so many.
 * @param most the longest header that is read; the format's own limit, so that nobody makes a reader parse gigabytes of JSON.
 * @throws SafetensorsError
 */
export function checkedHeaderBytes(start: Uint8Array, fileBytes: number, most = 100_000_000): number {
  if (fileBytes < SAFETENSORS_LENGTH_BYTES) {
    throw new SafetensorsError(`it has ${fileBytes} bytes, and the header's length alone takes ${SAFETENSORS_LENGTH_BYTES}`);
  }
  const length = safetensorsHeaderBytes(start);
  if (length > Math.min(most, fileBytes - SAFETENSORS_LENGTH_BYTES)) {
    throw new SafetensorsError(
      `it says that its header has ${length} bytes, but is ${fileBytes} long (a header has at most ${most / 1e6} MB)`,
    );
  }
  return length;
}

function parseHeader(bytes: Uint8Array): z.output<typeof headerSchema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new SafetensorsError('its header is not JSON', { cause: error });
  }
  const parsed = parse(headerSchema, json);
  if (!parsed.ok) throw new SafetensorsError(`its header is wrong: ${parsed.problems[0].path}: ${parsed.problems[0].message}`);
  return parsed.data;
}
