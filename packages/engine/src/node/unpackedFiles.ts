// Keeps unpacked files in memory, so that a process does not unpack the same dataset for each job. The least recently used files are
// removed when all files together are too large. It reads no files: the caller gives a stamp that changes with the file.
import { LRUCache } from 'lru-cache';

export class UnpackedFiles {
  /** The unpacked files, by path. */
  readonly #kept: LRUCache<string, { readonly stamp: string; readonly bytes: Uint8Array }>;

  /** @param limit the limit for all files together, in bytes. A larger file is never kept. */
  constructor(limit: number) {
    // A cached value may not have the size 0.
    this.#kept = new LRUCache({ maxSize: limit, sizeCalculation: ({ bytes }) => Math.max(1, bytes.length) });
  }

  /** The size of all kept files, in bytes. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** Returns the content that was kept under this path and stamp; null if there is none. The caller must not change it. */
  get(path: string, stamp: string): Uint8Array | null {
    const found = this.#kept.get(path);
    if (found?.stamp === stamp) return found.bytes;
    this.#kept.delete(path);
    return null;
  }

  keep(path: string, stamp: string, bytes: Uint8Array): void {
    this.#kept.set(path, { stamp, bytes });
  }
}
