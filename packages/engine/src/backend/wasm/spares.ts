// What one backward pass no longer needs and may use again: blocks of the arena that were an operation's temporaries, or
// gradients that have been read. It keeps addresses in flat lists, which are few, and makes no objects.

export class Spares {
  /** Free blocks, each an address and a size, in no order. */
  readonly #free: number[] = [];
  /** Blocks that were handed out since `begin`: address, size and bytes asked for. */
  readonly #noted: number[] = [];
  /** Results that can be recycled: the same. */
  readonly #results: number[] = [];

  /** A free block of at least `size` bytes, the smallest there is, of which the rest stays free; -1 when there is none. */
  take(size: number): number {
    const free = this.#free;
    let best = -1;
    for (let i = 0; i < free.length; i += 2) if (free[i + 1] >= size && (best < 0 || free[i + 1] < free[best + 1])) best = i;
    if (best < 0) return -1;
    const address = free[best];
    free[best] += size;
    free[best + 1] -= size;
    if (free[best + 1] === 0) this.#drop(best);
    return address;
  }

  note(address: number, size: number, bytes: number): void {
    this.#noted.push(address, size, bytes);
  }

  /** All that was noted becomes free, but for what lies in one of `kept`. */
  end(kept: readonly ({ readonly byteOffset: number; readonly byteLength: number } | null)[]): void {
    const noted = this.#noted;
    for (let i = 0; i < noted.length; i += 3) {
      const [address, size, bytes] = [noted[i], noted[i + 1], noted[i + 2]];
      let isKept = false;
      for (const array of kept) if (array !== null && array.byteOffset >= address && array.byteOffset < address + size) isKept = true;
      if (isKept) this.#results.push(address, size, bytes);
      else this.#release(address, size);
    }
    noted.length = 0;
  }

  /** Whether the array is, as a whole, a result that was kept. */
  isResult({ byteOffset, byteLength }: { readonly byteOffset: number; readonly byteLength: number }): boolean {
    const at = this.#find(byteOffset);
    return at >= 0 && this.#results[at + 2] === byteLength;
  }

  recycle(address: number): void {
    const at = this.#find(address);
    if (at < 0) return;
    this.#release(address, this.#results[at + 1]);
    this.#results.splice(at, 3);
  }

  clear(): void {
    this.#free.length = 0;
    this.#noted.length = 0;
    this.#results.length = 0;
  }

  #find(address: number): number {
    for (let i = 0; i < this.#results.length; i += 3) if (this.#results[i] === address) return i;
    return -1;
  }

  /** Joins the block with those that touch it. */
  #release(address: number, size: number): void {
    const free = this.#free;
    for (let i = free.length - 2; i >= 0; i -= 2) {
      const [start, length] = [free[i], free[i + 1]];
      if (start + length !== address && address + size !== start) continue;
      address = Math.min(address, start);
      size += length;
      this.#drop(i);
    }
    free.push(address, size);
  }

  /** The last block takes the place of this one. */
  #drop(at: number): void {
    const free = this.#free;
    const size = free.pop() ?? 0;
    const address = free.pop() ?? 0;
    if (at < free.length) [free[at], free[at + 1]] = [address, size];
  }
}
