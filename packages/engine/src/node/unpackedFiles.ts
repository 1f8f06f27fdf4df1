// Unpacked files that are kept in memory, so that a process that trains job after job does not unpack the same dataset each
// time. Bounded by their bytes; what was not asked for longest goes first. It reads no file and does not say what is stale:
// whoever asks gives a stamp that changes with the file.
export class UnpackedFiles {
  readonly #limit: number;
  /** By path, the one asked for last at the end. */
  readonly #kept = new Map<string, { readonly stamp: string; readonly bytes: Uint8Array }>();
  #total = 0;

  /** @param limit of all that is kept, in bytes; a larger file is never kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What is kept, in bytes. */
  get bytes(): number {
    return this.#total;
  }

  /** The content that was kept under this path and stamp; not to be changed by anyone. */
  get(path: string, stamp: string): Uint8Array | null {
    const found = this.#kept.get(path);
    if (found === undefined) return null;
    this.#drop(path);
    if (found.stamp !== stamp) return null;
    this.keep(path, stamp, found.bytes);
    return found.bytes;
  }

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
