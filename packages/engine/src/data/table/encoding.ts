// Decodes the bytes of a table to text. This file recognises byte order marks, UTF-8 and UTF-16. Older encodings are recognised with
// statistics, by an adapter (src/node/uploads/olderEncodings.ts).
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import type { Breather } from '../limits.ts';

/** The number of bytes that are decoded at a time. */
const PIECE_BYTES = 65_536;
const SAMPLE_BYTES = 4_096;

/** The encoding of a file: its name for TextDecoder, and the reason for this choice. */
export interface Encoding {
  readonly label: string;
  readonly reason: string;
}

/** Returns TextDecoder's name for an encoding, or null for an unknown encoding. */
export function encodingLabel(name: string): string | null {
  try {
    return new TextDecoder(name).encoding;
  } catch {
    return null;
  }
}

/**
 * Recognises UTF-16 without a byte order mark. If ASCII text is encoded in UTF-16, every second byte is zero, and no other byte is zero.
 */
function zeroBytes(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const zeros = [0, 0];
  for (const [i, byte] of sample.entries()) if (byte === 0) zeros[i % 2] += 1;
  const pairs = sample.length / 2;
  if (zeros[1] > pairs / 2 && zeros[0] === 0) return 'utf-16le';
  return zeros[0] > pairs / 2 && zeros[1] === 0 ? 'utf-16be' : null;
}

function marked([first, second, third]: Uint8Array): Encoding | null {
  const reason = 'The file begins with the byte order mark of this encoding.';
  if (first === 0xef && second === 0xbb && third === 0xbf) return { label: 'utf-8', reason };
  if (first === 0xff && second === 0xfe) return { label: 'utf-16le', reason };
  return first === 0xfe && second === 0xff ? { label: 'utf-16be', reason } : null;
}

/** Returns the encoding of a file, or null if the bytes are neither UTF-8 nor UTF-16. */
export function unicodeEncoding(bytes: Uint8Array): Encoding | null {
  const mark = marked(bytes);
  if (mark !== null) return mark;
  const utf16 = zeroBytes(bytes);
  if (utf16 !== null) return { label: utf16, reason: 'Every second byte is zero.' };
  const validity = utf8Validity(bytes);
  if (validity === 'valid') return { label: 'utf-8', reason: 'All bytes are valid in this encoding.' };
  // A file that is UTF-8 at first is probably damaged. An error is better than reading it in a wrong encoding.
  return validity === 'damaged' ? { label: 'utf-8', reason: 'Most of the file is valid in this encoding.' } : null;
}

/** The most bytes of a character without its last byte: no encoding that TextDecoder knows has characters of more than 4 bytes. */
const LONGEST_PART = 3;

/**
 * Returns whether bytes are UTF-8. `damaged`: some bytes are not valid, but the file is probably UTF-8: the pieces before the first invalid
 * byte have characters beyond ASCII, or the piece with that byte has more such characters than invalid places. `other`: the file is
 * probably not UTF-8.
 */
function utf8Validity(bytes: Uint8Array): 'valid' | 'damaged' | 'other' {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isBeyondAscii = false;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, bytes.length);
    const stream = end < bytes.length;
    try {
      const text = decoder.decode(Uint8Array.from(bytes.subarray(at, end)), { stream });
      isBeyondAscii ||= BEYOND_ASCII.test(text);
    } catch {
      // The piece may begin within a character, so it is decoded from the start of that character.
      const start = characterStart(bytes, at);
      const text = new TextDecoder('utf-8').decode(Uint8Array.from(bytes.subarray(start, end)), { stream });
      const [valid, invalid] = [/[^\0-\x7f\ufffd]/gu, /\ufffd/g].map((pattern) => text.match(pattern)?.length ?? 0);
      return isBeyondAscii || valid > invalid ? 'damaged' : 'other';
    }
  }
  return 'valid';
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** Returns the start of a UTF-8 character, at most three bytes before `at`, so that all bytes before it are whole characters. */
function characterStart(bytes: Uint8Array, at: number): number {
  let start = Math.max(0, at - LONGEST_PART);
  while (start < at && (bytes[start] & 0xc0) === 0x80) start += 1;
  return start;
}

/** Returns whether the beginning of a file is text in any encoding: it has no control characters, or is UTF-16. */
export function looksLikeText(head: Uint8Array): boolean {
  if (head.length === 0) return false;
  if (marked(head) !== null || zeroBytes(head) !== null) return true;
  return !head.some(isControl);
}

/** Returns whether a byte is a control character that does not occur in text. */
const isControl = (byte: number): boolean => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d;

/**
 * Returns whether the beginning of a file is delimited text with a few control characters. Such a file is read as a table, so that the
 * reader can report the position of a NUL.
 */
export function isDamagedTable(head: Uint8Array): boolean {
  const controls = head.reduce((count, byte) => count + Number(isControl(byte)), 0);
  const has = (characters: string): boolean => head.some((byte) => characters.includes(String.fromCharCode(byte)));
  return controls <= 1 + head.length / 50 && has(',;\t|') && has('\r\n');
}

/**
 * Yields the text of a file in pieces, without a byte order mark.
 * @throws DataFormatError if bytes are not valid in this encoding. The message has the position of the first of them, from 0
 */
export function* decodedPieces({ name, bytes }: NamedBytes, label: string): Generator<string, void, void> {
  const decoder = new TextDecoder(label, { fatal: true });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, bytes.length);
    try {
      // TextDecoder does not accept shared memory, so the bytes are copied.
      yield decoder.decode(Uint8Array.from(bytes.subarray(at, end)), { stream: end < bytes.length });
    } catch (error) {
      const remedy = `save the file as UTF-8, or send its encoding`;
      const invalid = firstInvalid(bytes, label, at);
      throw new DataFormatError(`${name}: at byte ${invalid}, the file is not ${label.toUpperCase()}: ${remedy}`, { cause: error });
    }
  }
}

/**
 * Returns the position of the first byte that belongs to no valid character, from 0.
 * @param from the start of the piece in which the decoder fails. The character may begin before it
 */
function firstInvalid(bytes: Uint8Array, label: string, from: number): number {
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  const stream = true;
  /** The end of the last character that was decoded. */
  let decodedTo = 0;
  try {
    for (let at = 0; at < bytes.length; ) {
      // Up to the last bytes before the piece, all bytes are valid. From there on, bytes are decoded one at a time.
      const end = at < from - LONGEST_PART ? Math.min(at + PIECE_BYTES, from - LONGEST_PART) : at + 1;
      const text = decoder.decode(Uint8Array.from(bytes.subarray(at, end)), { stream });
      if (text !== '') decodedTo = end;
      at = end;
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return decodedTo;
}

/** Does the same as {@link decodedPieces}, with pauses for the event loop. @param onRead called with the bytes of each piece */
export async function* decodedText(
  file: NamedBytes,
  label: string,
  breather: Breather,
  onRead: ((bytes: number) => void) | undefined,
): AsyncGenerator<string, void, void> {
  let left = file.bytes.length;
  for (const piece of decodedPieces(file, label)) {
    yield piece;
    onRead?.(Math.min(left, PIECE_BYTES));
    left -= PIECE_BYTES;
    await breather.breathe();
  }
}
