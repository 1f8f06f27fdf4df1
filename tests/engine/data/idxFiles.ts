// Creates small IDX files for tests that read or download such files.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** An IDX file of unsigned bytes. */
export function idxFile(shape: readonly number[], data: readonly number[] | Uint8Array): Uint8Array {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head[2] = 0x08;
  head[3] = shape.length;
  shape.forEach((size, i) => head.writeUInt32BE(size, 4 + 4 * i));
  return Uint8Array.from([...head, ...data]);
}

/** A pair of IDX files: `labels.length` images of 28×28 whose pixels count up, and the labels. */
export function idxPair(labels: readonly number[]): { images: Uint8Array; labels: Uint8Array } {
  const pixels = Uint8Array.from({ length: labels.length * 784 }, (_, i) => i % 251);
  return { images: idxFile([labels.length, 28, 28], pixels), labels: idxFile([labels.length], labels) };
}

/** Returns a published file and its description in a dataset definition. */
export function published(name: string, content: Uint8Array, url: string) {
  const packed = gzipSync(content);
  const checksum = `sha256:${createHash('sha256').update(packed).digest('hex')}` as const;
  return { packed, file: { name, url, checksum, bytes: packed.length } };
}
