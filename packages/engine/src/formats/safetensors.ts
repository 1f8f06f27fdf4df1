// Reads and writes the safetensors format: eight bytes with the length of the header, a JSON header, then the bytes of the tensors,
// little-endian (github.com/huggingface/safetensors, "Format"). It works on bytes and opens no file. A file is checked completely before
// its tensors are used.
import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { parse, show } from '../validation.ts';
import { decodeElements, elementBytes, type ElementType, elementTypesListed, isElementType } from './elementTypes.ts';

/** A tensor and its values, row-major. */
export interface NamedArray {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array | BigInt64Array;
}

export interface SafetensorsFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes for the hash: only the tensors' bytes, in name order. May be a view of `bytes`. */
  readonly tensorBytes: Uint8Array<ArrayBuffer>;
}

/** The file is not a valid safetensors file, or has an unsupported number type. */
export class SafetensorsError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidSafetensors', `not a safetensors file that can be read: ${message}`, options);
  }
}

/** Returns tensors sorted by name (by UTF-16 code units). Their bytes are hashed in this order. */
export function inNameOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  return tensors.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Returns the same file as {@link writeSafetensors}, and the bytes for the hash. */
export function encodeSafetensors(tensors: readonly NamedArray[], metadata: Readonly<Record<string, string>> = {}): SafetensorsFile {
  const bytes = writeSafetensors(tensors, metadata);
  const size = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  // If all numbers have the same size, the file has its tensors in name order, so no copy is needed.
  if (new Set(tensors.map(({ data }) => data.BYTES_PER_ELEMENT)).size <= 1)
    return { bytes, tensorBytes: bytes.subarray(bytes.length - size) };
  const tensorBytes = new Uint8Array(size);
  writeArrays(tensorBytes, inNameOrder(tensors));
  return { bytes, tensorBytes };
}

/**
 * Returns a file with these tensors in their own precision. Tensors with wider numbers come first; tensors of equal width are sorted by
 * name, as in the reference implementation. Readers map the bytes into memory, so every number must be aligned.
 */
export function writeSafetensors(tensors: readonly NamedArray[], metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const { start, ordered } = safetensorsLayout(
    tensors.map((tensor) => ({ ...tensor, dtype: typeOf(tensor.data) })),
    metadata,
  );
  const bytes = new Uint8Array(start.length + tensors.reduce((sum, { data }) => sum + data.byteLength, 0));
  bytes.set(start);
  writeArrays(bytes.subarray(start.length), ordered);
  return bytes;
}

function typeOf(data: NamedArray['data']): ElementType {
  if (data instanceof BigInt64Array) return 'I64';
  return data instanceof Float64Array ? 'F64' : 'F32';
}

/**
 * Returns the beginning of a file with these tensors, and the order in which their bytes follow without gaps.
 * @returns `start`: the header's length and the header
 */
export function safetensorsLayout<T extends { readonly name: string; readonly shape: Shape; readonly dtype: ElementType }>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>> = {},
): { readonly start: Uint8Array<ArrayBuffer>; readonly ordered: readonly T[] } {
  const ordered = inNameOrder(tensors).toSorted((a, b) => elementBytes[b.dtype] - elementBytes[a.dtype]);
  let end = 0;
  const entries = ordered.map(({ name, shape, dtype }) => {
    const begin = end;
    end += sizeOf(shape) * elementBytes[dtype];
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  return { start: encodeHeader({ __metadata__: metadata, ...Object.fromEntries(entries) }), ordered };
}

/**
 * The header's length and the header, padded with spaces so that the tensors begin at a multiple of 8, as in the reference implementation.
 */
function encodeHeader(header: object): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(8 + Math.ceil(json.length / 8) * 8);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - 8), true);
  start.fill(0x20, 8).set(json, 8);
  return start;
}

/** The parts of a file that has some tensors of another file. */
export interface SafetensorsPart {
  /** The beginning of the new file: the header's length and the header. */
  readonly start: Uint8Array<ArrayBuffer>;
  /** The bytes of the other file that follow `start`, in order. The byte at `end` does not belong to a range. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/**
 * Returns the parts of a new file with some tensors of a file, under new names. The bytes of a tensor are unchanged.
 * @param header the header of a checked file, without the length before it
 * @param fileBytes the size of the whole file
 * @param nameOf returns the new name of a tensor, or null for a tensor that is left out
 * @param metadata is added to the file's metadata
 */
export function safetensorsPart(
  header: Uint8Array,
  fileBytes: number,
  nameOf: (name: string) => string | null,
  metadata: Readonly<Record<string, string>>,
): SafetensorsPart {
  const { tensors, metadata: own } = layoutOf(header, fileBytes);
  const entries: [name: string, entry: object][] = [];
  const ranges: { start: number; end: number }[] = [];
  let position = 0;
  for (const { name: former, dtype, shape, start, end } of tensors) {
    const name = nameOf(former);
    if (name === null) continue;
    entries.push([name, { dtype, shape, data_offsets: [position, position + end - start] }]);
    position += end - start;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  const filled = ranges.filter((range) => range.end > range.start);
  return { start: encodeHeader({ __metadata__: { ...own, ...metadata }, ...Object.fromEntries(entries) }), ranges: filled };
}

/** Copies the numbers without conversion: every platform that runs the kernels is little-endian, as the format is. */
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
 * Returns the metadata of a file and copies of its tensors, in the order of their bytes.
 * F16 and BF16 become float32.
 * @throws SafetensorsError if the header is invalid, if a tensor has another number type than F64, F32, F16, BF16 and I64 or another size
 *   than its shape needs, or if the tensors overlap, leave gaps or do not fill the file
 */
export function decodeSafetensors(bytes: Uint8Array): { tensors: NamedArray[]; metadata: Record<string, string> } {
  const length = checkedHeaderBytes(bytes, bytes.length);
  const { metadata, tensors } = layoutOf(bytes.subarray(SAFETENSORS_LENGTH_BYTES, SAFETENSORS_LENGTH_BYTES + length), bytes.length);
  return {
    metadata,
    tensors: tensors.map(({ name, shape, dtype, start, end }) => ({
      name,
      shape,
      data: decodeElements(dtype, bytes.subarray(start, end)),
    })),
  };
}

/** A tensor of a file that was checked, without its values. Its bytes are from `start` up to but not including `end` of the file. */
export interface ListedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: ElementType;
  readonly start: number;
  readonly end: number;
}

/**
 * Checks a file as {@link decodeSafetensors} does, and returns its list of tensors. It reads only the header.
 * @param header the header, without the eight bytes of its length
 * @param fileBytes the size of the whole file
 * @throws SafetensorsError under the conditions of {@link decodeSafetensors}
 */
export function listSafetensors(header: Uint8Array, fileBytes: number): readonly ListedTensor[] {
  return layoutOf(header, fileBytes).tensors;
}

/** Returns the metadata of a file. @param header as for {@link listSafetensors} @throws SafetensorsError if the header is not valid */
export function safetensorsMetadata(header: Uint8Array): Readonly<Record<string, string>> {
  return parseHeader(header).__metadata__ ?? {};
}

function layoutOf(headerBytes: Uint8Array, fileBytes: number): { tensors: ListedTensor[]; metadata: Record<string, string> } {
  const { __metadata__: metadata, ...entries } = parseHeader(headerBytes);
  const begin = SAFETENSORS_LENGTH_BYTES + headerBytes.length;
  const width = (dtype: string): number => (isElementType(dtype) ? elementBytes[dtype] : 0);
  const stored = inNameOrder(Object.entries(entries).map(([name, entry]) => ({ name, ...entry }))).toSorted(
    // Several tensors without bytes begin at the same place. They are sorted in the order in which they are written.
    ({ data_offsets: [a, aEnd], dtype: aType }, { data_offsets: [b, bEnd], dtype: bType }) =>
      a - b || aEnd - bEnd || width(bType) - width(aType),
  );
  let end = 0;
  const tensors = stored.map(({ name, dtype, shape, data_offsets }): ListedTensor => {
    const place = `tensor ${show(name)}`;
    const [from, to] = data_offsets;
    if (!isElementType(dtype)) throw new SafetensorsError(`${place} is stored as ${show(dtype)}: store it as ${elementTypesListed}`);
    if (from !== end)
      throw new SafetensorsError(
        `${place} begins at byte ${from} of the data, but should begin at byte ${end}: there is a gap or an overlap`,
      );
    const wanted = sizeOf(shape) * elementBytes[dtype];
    if (to - from !== wanted) throw new SafetensorsError(`${place} has ${to - from} bytes, but its shape takes ${wanted}`);
    if (begin + to > fileBytes) throw new SafetensorsError(`${place} ends ${begin + to - fileBytes} bytes after the file`);
    end = to;
    return { name, shape, dtype, start: begin + from, end: begin + to };
  });
  if (begin + end !== fileBytes) throw new SafetensorsError(`${fileBytes - begin - end} bytes follow the last tensor`);
  return { tensors, metadata };
}

/** The bytes that give the header's length. */
export const SAFETENSORS_LENGTH_BYTES = 8;

/** Returns the length of the header in bytes. @param bytes at least the first eight bytes of the file */
export function safetensorsHeaderBytes(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

/**
 * Returns the length of a file's header in bytes.
 * @param start at least the first eight bytes of the file; all bytes if the file is shorter
 * @param most the maximum length of a header. Default: the limit of the format, which protects readers from gigabytes of JSON
 * @throws SafetensorsError if the file is too short, or if the length of the header is over `most` or over the rest of the file
 */
export function checkedHeaderBytes(start: Uint8Array, fileBytes: number, most = 100_000_000): number {
  if (fileBytes < SAFETENSORS_LENGTH_BYTES) {
    throw new SafetensorsError(`it has ${fileBytes} bytes, but the header's length alone needs ${SAFETENSORS_LENGTH_BYTES}`);
  }
  const length = safetensorsHeaderBytes(start);
  if (length > Math.min(most, fileBytes - SAFETENSORS_LENGTH_BYTES)) {
    throw new SafetensorsError(
      `its header should have ${length} bytes, but the file has ${fileBytes} bytes (a header has at most ${most / 1e6} MB)`,
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
