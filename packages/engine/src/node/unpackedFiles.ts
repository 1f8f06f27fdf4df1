// A cache of unpacked files in memory, so that a process that trains several jobs does not unpack the same dataset for each. The total size
// is limited; the least recently used files are evicted. The cache reads no file. The caller gives a stamp that changes when the file
// changes.
export class UnpackedFiles {
  readonly #limit: number;
  /** The files by path, in the order of their last use. */
  readonly #kept = new Map<string, { readonly stamp: string; readonly bytes: Uint8Array }>();
  #total = 0;

  /** @param limit the largest total size, in bytes; a larger file is not cached */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The total size of the cached files, in bytes. */
  get bytes(): number {
    return this.#total;
  }

  /** Returns the cached content of a file; null if there is none with this stamp. The caller must not change the content. */
  get(path: string, stamp: string): Uint8Array | null {
    const found = this.#kept.get(path);
    if (found === undefined) return null;
    this.#drop(path);
    if (found.stamp !== stamp) return null;
    this.keep(path, stamp, found.bytes);
    return found.bytes;
  }

  /** Caches the content of a file, and evicts other files if their total size would exceed the limit. */
  keep(path: string, stamp: string, bytes: Uint8Array): void {
    this.#drop(path);
    if (bytes.length > this.#limit) return;
    for (const oldest of this.#kept.keys()) {
      if (this.#total + bytes.length <= this.#limit) break;
      this.#drop(oldest);
    }
    this.#kept.set(path, { stamp, bytes });
    this.#total += bytes.length;
  }

  #drop(path: string): void {
    this.#total -= this.#kept.get(path)?.bytes.length ?? 0;
    this.#kept.delete(path);
  }
}
