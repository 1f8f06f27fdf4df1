// Reads tar archives (POSIX ustar and what came before it), only to take named files out of one in memory: no file is
// written, so that a path in an archive can do no harm. Links, folders and extended headers are passed over.
import { DataFormatError } from './errors.ts';

const BLOCK = 512;
const latin = new TextDecoder('latin1');

/**
 * The regular files of an archive by their paths; each is a view of the archive's bytes.
 * @param name the archive's, for messages
 * @throws DataFormatError that names the byte when a header or a size does not hold.
 */
export function untar(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return files;
    checkHeader(header, at, name);
    const size = octal(header, 124, 12);
    const begin = at + BLOCK;
    if (Number.isNaN(size) || begin + size > bytes.length) {
      throw new DataFormatError(
        `${name}: the header at byte ${at} announces ${Number.isNaN(size) ? 'no readable size' : `${size} bytes`}, but ${bytes.length - begin} follow`,
      );
    }
    const type = header[156];
    if (type === 0 || type === 0x30) files.set(pathOf(header), bytes.subarray(begin, begin + size));
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new DataFormatError(`${name}: the archive ends at byte ${bytes.length} without an end mark: it is cut off, or no tar archive`);
}

/** A header holds the sum of its own bytes, its own field counted as blanks. */
function checkHeader(header: Uint8Array, at: number, name: string): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (octal(header, 148, 8) !== sum) {
    throw new DataFormatError(`${name}: byte ${at} should begin a tar header, but its checksum does not fit (expected ${sum})`);
  }
}

function octal(header: Uint8Array, offset: number, length: number): number {
  const digits = text(header, offset, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function pathOf(header: Uint8Array): string {
  const path = text(header, 0, 100);
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
  return prefix === '' ? path : `${prefix}/${path}`;
}

/** A field up to its first zero byte. */
function text(header: Uint8Array, offset: number, length: number): string {
  // TextDecoder takes no shared memory.
  const field = Uint8Array.from(header.subarray(offset, offset + length));
  const end = field.indexOf(0);
  return latin.decode(end === -1 ? field : field.subarray(0, end));
}
