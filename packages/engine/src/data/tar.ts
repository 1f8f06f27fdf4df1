// Reads tar archives in memory: POSIX ustar, older formats, and the long names of pax and GNU. No file is written, so a path in an archive
// cannot overwrite anything.
import { DataFormatError } from './errors.ts';

const BLOCK = 512;

export interface TarEntry {
  readonly path: string;
  /** The type of the entry. `other`: a link or a device. */
  readonly kind: 'file' | 'folder' | 'other';
  /** The entry's content, as a view of the archive's bytes. */
  readonly content: Uint8Array;
}

/**
 * Returns the regular files of an archive by their paths. Each file is a view of the archive's bytes.
 * @param name the archive's name in messages
 * @throws DataFormatError if a header or a size is wrong. The message has the position in bytes
 */
export function untar(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const { path, kind, content } of tarEntries(bytes, name)) if (kind === 'file') files.set(path, content);
  return files;
}

/**
 * Yields all entries in their order.
 * @param name the archive's name in messages
 * @throws DataFormatError if a header or a size is wrong. The message has the position in bytes
 */
export function* tarEntries(bytes: Uint8Array, name: string): Generator<TarEntry, void, void> {
  // The path and size of the next entry, if an extra entry of pax or GNU before it has them.
  let next: { readonly path?: string; readonly size?: number } = {};
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    checkHeader(header, at, name);
    const size = next.size ?? number(header, 124, 12);
    const begin = at + BLOCK;
    if (Number.isNaN(size) || begin + size > bytes.length) {
      throw new DataFormatError(
        `${name}: the header at byte ${at} has ${Number.isNaN(size) ? 'no readable size' : `the size ${size} bytes`}, but ${bytes.length - begin} follow`,
      );
    }
    const content = bytes.subarray(begin, begin + size);
    const type = String.fromCharCode(header[156]);
    if (type === 'x') {
      next = paxOf(content);
    } else if (type === 'L') {
      next = { ...next, path: text(content, 0, content.length) };
    } else if (type !== 'g' && type !== 'K') {
      yield { path: next.path ?? pathOf(header), kind: kinds[type] ?? 'other', content };
      next = {};
    }
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new DataFormatError(
    `${name}: the archive ends at byte ${bytes.length} without an end mark: it is cut off, or is not a tar archive`,
  );
}

/** The kinds of entries, by the type in the header. Archives from before 1988 have a zero byte as the type of a file. */
const kinds: Readonly<Record<string, TarEntry['kind']>> = { '\0': 'file', '0': 'file', '7': 'file', '5': 'folder' };

/** Reads pax records, `length key=value\n`. Only path and size are used. */
function paxOf(content: Uint8Array): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < content.length; ) {
    const length = Number.parseInt(text(content, at, 20), 10);
    if (!(length > 0)) break;
    const record = /^\d+ ([^=]+)=([^]*)\n$/.exec(decode(content.subarray(at, at + length)));
    if (record?.[1] === 'path') found.path = record[2];
    if (record?.[1] === 'size' && /^\d+$/.test(record[2])) found.size = Number(record[2]);
    at += length;
  }
  return found;
}

/**
 * Checks a header's checksum: the sum of its bytes, in which the checksum's own field counts as blanks.
 * @throws DataFormatError if the checksum is wrong
 */
function checkHeader(header: Uint8Array, at: number, name: string): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (number(header, 148, 8) !== sum) {
    throw new DataFormatError(`${name}: byte ${at} should begin a tar header, but its checksum is wrong (expected ${sum})`);
  }
}

/** Reads a number: octal digits or, for GNU's large numbers, a byte 0x80 and then big-endian bytes. Returns NaN if it is neither. */
function number(header: Uint8Array, offset: number, length: number): number {
  if (header[offset] === 0x80) {
    return header.subarray(offset + 1, offset + length).reduce((value, byte) => value * 256 + byte, 0);
  }
  const digits = text(header, offset, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function pathOf(header: Uint8Array): string {
  const path = text(header, 0, 100);
  const prefix = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : '';
  return prefix === '' ? path : `${prefix}/${path}`;
}

/** Reads the text of a field, up to its first zero byte. */
function text(header: Uint8Array, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return decode(end === -1 ? field : field.subarray(0, end));
}

/** Decodes a name as UTF-8 or, if it is not valid UTF-8, as one character per byte. */
function decode(bytes: Uint8Array): string {
  // TextDecoder does not accept shared memory, so the bytes are copied.
  const copy = Uint8Array.from(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(copy);
  } catch {
    return new TextDecoder('latin1').decode(copy);
  }
}
