// Reads tar archives (POSIX ustar, what came before it, and the long names of pax and GNU) in memory: no file is written, so that a
// path in an archive can do no harm.
import { DataFormatError } from './errors.ts';

const BLOCK = 512;

export interface TarEntry {
  readonly path: string;
  /** `other`: links and devices. */
  readonly kind: 'file' | 'folder' | 'other';
  /** A view of the archive's bytes. */
  readonly content: Uint8Array;
}

/**
 * The regular files of an archive by their paths; each is a view of the archive's bytes.
 * @param name the archive's, for messages
 * @throws DataFormatError that names the byte when a header or a size does not hold.
 */
export function untar(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const { path, kind, content } of tarEntries(bytes, name)) if (kind === 'file') files.set(path, content);
  return files;
}

/**
 * All entries in their order.
 * @param name the archive's, for messages
 * @throws DataFormatError that names the byte when a header or a size does not hold.
 */
export function* tarEntries(bytes: Uint8Array, name: string): Generator<TarEntry, void, void> {
  // What pax and GNU say of the next entry in an entry before it.
  let next: { readonly path?: string; readonly size?: number } = {};
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    checkHeader(header, at, name);
    const size = next.size ?? number(header, 124, 12);
    const begin = at + BLOCK;
    if (Number.isNaN(size) || begin + size > bytes.length) {
      throw new DataFormatError(
        `${name}: the header at byte ${at} announces ${Number.isNaN(size) ? 'no readable size' : `${size} bytes`}, but ${bytes.length - begin} follow`,
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
  throw new DataFormatError(`${name}: the archive ends at byte ${bytes.length} without an end mark: it is cut off, or no tar archive`);
}

/** By the type in the header; archives of before 1988 have a zero byte for a file. */
const kinds: Readonly<Record<string, TarEntry['kind']>> = { '\0': 'file', '0': 'file', '7': 'file', '5': 'folder' };

/** Records `length key=value\n`; of those that there are, only path and size matter. */
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

/** A header holds the sum of its own bytes, its own field counted as blanks. */
function checkHeader(header: Uint8Array, at: number, name: string): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (number(header, 148, 8) !== sum) {
    throw new DataFormatError(`${name}: byte ${at} should begin a tar header, but its checksum does not fit (expected ${sum})`);
  }
}

/** Octal digits or, as GNU writes large numbers, a byte 0x80 and the number in big-endian bytes. */
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

/** A field up to its first zero byte. */
function text(header: Uint8Array, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return decode(end === -1 ? field : field.subarray(0, end));
}

/** UTF-8, as everybody writes names today; else each byte as a character. */
function decode(bytes: Uint8Array): string {
  // TextDecoder takes no shared memory.
  const copy = Uint8Array.from(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(copy);
  } catch {
    return new TextDecoder('latin1').decode(copy);
  }
}
