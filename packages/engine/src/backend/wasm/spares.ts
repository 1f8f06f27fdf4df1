// Keeps track of an arena's blocks that a backward pass can use again: an operation's temporaries, and gradients that have been read.
// Addresses are kept in short flat lists, so that no objects are created.

/** A list of numbers, of which the first `length` are valid. The array keeps its size, so that it does not grow again in the next step. */
class Numbers {
  readonly values: number[] = [];
  length = 0;

  add(value: number): void {
    this.values[this.length++] = value;
  }
}

export class Spares {
  /** The free blocks in any order, each with its address and size. */
  readonly #free = new Numbers();
  /** The blocks that were allocated in the current operation, each with its address, its size and the requested bytes. */
  readonly #noted = new Numbers();
  /** Results that can be recycled, each with its address, its size and the requested bytes. */
  readonly #results = new Numbers();
  /** Free blocks that are lent within an operation, each with its address and size. The newest is last. */
  readonly #lent = new Numbers();

  /** The length of the list of lent blocks. Pass it to {@link takeBack} later. */
  get lent(): number {
    return this.#lent.length;
  }

  lend(address: number, size: number): void {
    this.#lent.add(address);
    this.#lent.add(size);
  }

  /** Frees all blocks that were lent since `lent` was read. */
  takeBack(lent: number): void {
    const { values, length } = this.#lent;
    this.#lent.length = lent;
    for (let i = lent; i < length; i += 2) this.#release(values[i], values[i + 1]);
  }

  /** Adds a block that nobody will read again. */
  add(address: number, size: number): void {
    this.#release(address, size);
  }

  /**
   * Takes the first `size` bytes of the smallest free block that is large enough. The rest of this block stays free.
   * @returns the address, or -1 if no free block is large enough
   */
  take(size: number): number {
    const { values, length } = this.#free;
    let best = -1;
    for (let i = 0; i < length; i += 2) if (values[i + 1] >= size && (best < 0 || values[i + 1] < values[best + 1])) best = i;
    if (best < 0) return -1;
    const address = values[best];
    values[best] += size;
    values[best + 1] -= size;
    if (values[best + 1] === 0) this.#drop(best);
    return address;
  }

  note(address: number, size: number, bytes: number): void {
    addBlock(this.#noted, address, size, bytes);
  }

  /** Ends the operation. Its blocks become free, except those that contain an array of `kept`. These become results. */
  end(kept: readonly ({ readonly byteOffset: number; readonly byteLength: number } | null)[]): void {
    const { values, length } = this.#noted;
    this.#noted.length = 0;
    for (let i = 0; i < length; i += 3) {
      const address = values[i];
      const size = values[i + 1];
      let isKept = false;
      for (let at = 0; at < kept.length; at++) {
        const array = kept[at];
        if (array !== null && array.byteOffset >= address && array.byteOffset < address + size) isKept = true;
      }
      if (isKept) addBlock(this.#results, address, size, values[i + 2]);
      else this.#release(address, size);
    }
  }

  /** Returns whether the array is a whole result that was kept. */
  isResult({ byteOffset, byteLength }: { readonly byteOffset: number; readonly byteLength: number }): boolean {
    const at = this.#find(byteOffset);
    return at >= 0 && this.#results.values[at + 2] === byteLength;
  }

  recycle(address: number): void {
    const at = this.#find(address);
    if (at < 0) return;
    const { values } = this.#results;
    const size = values[at + 1];
    this.#results.length -= 3;
    values.copyWithin(at, at + 3, this.#results.length + 3);
    this.#release(address, size);
  }

  clear(): void {
    this.#free.length = 0;
    this.#noted.length = 0;
    this.#results.length = 0;
    this.#lent.length = 0;
  }

  #find(address: number): number {
    const { values, length } = this.#results;
    for (let i = 0; i < length; i += 3) if (values[i] === address) return i;
    return -1;
  }

  /** Frees a block and joins it with the free blocks next to it. */
  #release(address: number, size: number): void {
    const { values } = this.#free;
    for (let i = this.#free.length - 2; i >= 0; i -= 2) {
      const start = values[i];
      const length = values[i + 1];
      if (start + length !== address && address + size !== start) continue;
      address = Math.min(address, start);
      size += length;
      this.#drop(i);
    }
    this.#free.add(address);
    this.#free.add(size);
  }

  /** Removes a free block. The last free block takes its place in the list. */
  #drop(at: number): void {
    const { values } = this.#free;
    this.#free.length -= 2;
    values[at] = values[this.#free.length];
    values[at + 1] = values[this.#free.length + 1];
  }
}

function addBlock(list: Numbers, address: number, size: number, bytes: number): void {
  list.add(address);
  list.add(size);
  list.add(bytes);
}
