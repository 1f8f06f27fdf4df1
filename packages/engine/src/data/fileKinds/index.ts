// The kinds of files that users send. A kind is recognised by a file's first bytes and not by its name. Uploads of datasets, uploads of
// weights and images for predictions use this one table. This module names a file and says how to convert it, but does not read it.
import { archives } from './archives.ts';
import type { FileKind, TestedKind, ZipKind } from './define.ts';
import { faint } from './faint.ts';
import { images } from './images.ts';
import { media } from './media.ts';
import { models } from './models.ts';
import { tables } from './tables.ts';
import { texts } from './texts.ts';
import { zips } from './zips.ts';

export { type FileGroup, type FileKind, KIND_HEAD_BYTES } from './define.ts';

/** In order of precedence: the first match wins. */
const binaryKinds: readonly TestedKind[] = [...archives, ...images, ...tables, ...models, ...media, ...faint];

const plain = ({ id, group, name, remedy }: TestedKind | ZipKind): FileKind => ({ id, group, name, remedy });

/**
 * Returns the kind of a file.
 * @param head the first {@link KIND_HEAD_BYTES} bytes of the file, or the whole file if it is shorter
 * @returns null for an unknown kind, and for text that could be a table
 */
export function fileKind(head: Uint8Array): FileKind | null {
  // Text is recognised only by its structure, because a table may begin with any word, even with the signature of another format.
  const found = texts.find(({ test }) => test(head)) ?? (hasControls(head) ? binaryKinds.find(({ test }) => test(head)) : undefined);
  return found === undefined ? null : plain(found);
}

/**
 * Returns whether the bytes have control characters that no text in an 8-bit encoding has. UTF-16 text has such bytes too, but matches no
 * signature.
 */
const hasControls = (head: Uint8Array): boolean => head.some((byte) => byte < 0x20 && ![0x09, 0x0a, 0x0c, 0x0d].includes(byte));

/** Returns the kind of a zip, recognised by the paths of the files in it. Returns null for a plain zip. */
export function zipKind(paths: readonly string[]): FileKind | null {
  const found = zips.find(({ holds }) => paths.some((path) => holds.test(path)));
  return found === undefined ? null : plain(found);
}

/** Returns a file's first bytes in hexadecimal, for messages: 80 04 95 … */
export function shownBytes(head: Uint8Array): string {
  const shown = Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return head.length > 8 ? `${shown} …` : shown;
}
