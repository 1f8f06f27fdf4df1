// What one backward pass no longer needs and may use again: blocks of the arena that were an operation's temporaries, or
// gradients that have been read. It keeps addresses in flat lists, which are few, and makes no objects.

/** Numbers of which the first `length` count; the others stay, so that the list need not grow again in the next step. */
class Numbers {
  readonly values: number[] = [];
  length = 0;

  add(value: number): void {
    this.values[this.length++] = value;
  }
}

export class Spares {
  /** Free blocks, each an address and a size, in no order. */
  readonly #free = new Numbers();
  /** Blocks that were handed out since `begin`: address, size and bytes asked for. */
  readonly #noted = new Numbers();
  /** Results that can be recycled: the same. */
  readonly #results = new Numbers();
  /** Blocks that were free and are in use within an operation: address and size, the newest last. */
  readonly #lent = new Numbers();

  /** How much is lent: for {@link takeBack}. */
  get lent(): number {
    return this.#lent.length;
  }

  lend(address: number, size: number): void {
    this.#lent.add(address);
    this.#lent.add(size);
  }

  /** All that was lent since `lent` was this is free again. */
  takeBack(lent: number): void {
    const { values, length } = this.#lent;
    this.#lent.length = lent;
    for (let i = lent; i < length; i += 2) this.#release(values[i], values[i + 1]);
  }

  /** A block that nobody needs any more. */
  add(address: number, size: number): void {
    this.#release(address, size);
  }

  /** A free block of at least `size` bytes, the smallest there is, of which the rest stays free; -1 when there is none. */
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

  /** All that was noted becomes free, but for what lies in one of `kept`. */
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

  /** Whether the array is, as a whole, a result that was kept. */
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

  /** Joins the block with those that touch it. */
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

  /** The last block takes the place of this one. */
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
