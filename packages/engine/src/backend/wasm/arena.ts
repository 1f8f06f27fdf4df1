// The temporary memory of steps. It is allocated one piece after the other in large blocks of the heap, and freed at once by going back to
// a mark. The blocks are kept for the next step, which then uses the same addresses.
import type { FloatArray } from '../types.ts';
import { Heap } from './heap.ts';
import { Spares } from './spares.ts';

const FIRST_CHUNK = 1024 * 1024;
const LARGEST_SPARE = 256 * 1024 * 1024;

/** How many numbers a mark has. */
const MARK = 4;

interface Chunk {
  readonly start: number;
  readonly size: number;
}

export class Arena {
  readonly #heap: Heap;
  readonly #chunks: Chunk[] = [];
  #chunk = 0;
  /** Bytes allocated in the current chunk. */
  #offset = 0;
  #used = 0;
  readonly #spares = new Spares();
  /** The level whose allocations are noted for the current operation; 0 if there is no operation. */
  #operationLevel = 0;
  /** The level that the spare blocks belong to. */
  #sparesLevel = 0;
  /** Four numbers for each mark: chunk, offset, used, spares lent. Numbers of closed levels stay, so that the list does not grow again. */
  readonly #marks: number[] = [];
  /** How many of these numbers belong to open levels. */
  #level = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** Bytes allocated since the outermost mark. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of the heap that the arena has, for this step and later ones. */
  get held(): number {
    let bytes = 0;
    for (const chunk of this.#chunks) bytes += chunk.size;
    return bytes;
  }

  get isOpen(): boolean {
    return this.#level > 0;
  }

  /** Opens a level and returns its mark, which `leave` takes. */
  enter(): number {
    const mark = this.#level;
    this.#marks[mark] = this.#chunk;
    this.#marks[mark + 1] = this.#offset;
    this.#marks[mark + 2] = this.#used;
    this.#marks[mark + 3] = this.#spares.lent;
    this.#level = mark + MARK;
    return mark;
  }

  /** Frees what was allocated since `enter` returned `mark`, also in levels that were opened since. */
  leave(mark: number): void {
    this.#chunk = this.#marks[mark];
    this.#offset = this.#marks[mark + 1];
    this.#used = this.#marks[mark + 2];
    this.#level = mark;
    if (mark >= this.#sparesLevel) {
      this.#spares.takeBack(this.#marks[mark + 3]);
      return;
    }
    this.#spares.clear();
    this.#sparesLevel = 0;
    this.#operationLevel = 0;
  }

  /** Allocates bytes and returns their address, a multiple of 64. @throws EngineError `outOfMemory`. */
  take(bytes: number): number {
    const size = Heap.blockSize(bytes);
    if (this.#operationLevel === 0) return this.#bump(size, bytes);
    const spare = this.#spares.take(size);
    if (this.#operationLevel !== this.#level) {
      // Scratch memory of a kernel within the operation. New memory is freed with its level; a spare is noted, so that it is returned then.
      if (spare < 0) return this.#bump(size, bytes);
      this.#spares.lend(spare, size);
      return spare;
    }
    const address = spare < 0 ? this.#bump(size, bytes) : spare;
    this.#spares.note(address, size, bytes);
    return address;
  }

  /** Begins an operation of a backward pass: what is allocated at this level from here on belongs to it. */
  beginOperation(): void {
    this.#operationLevel = this.#level;
    this.#sparesLevel = this.#operationLevel;
  }

  /** Ends the operation. Its blocks, except those of the arrays `kept`, may be allocated again by the next operations of this level. */
  endOperation(kept: readonly (FloatArray | null)[]): void {
    this.#operationLevel = 0;
    this.#spares.end(kept);
  }

  isResult(array: FloatArray): boolean {
    return this.#spares.isResult(array);
  }

  recycle(array: FloatArray): void {
    this.#spares.recycle(array.byteOffset);
  }

  /** Makes the block of an array spare, whichever open level allocated it. */
  release({ byteOffset, byteLength }: { readonly byteOffset: number; readonly byteLength: number }): void {
    if (!this.#isWithin(byteOffset)) return;
    this.#sparesLevel = this.#level;
    this.#spares.add(byteOffset, Heap.blockSize(byteLength));
  }

  #isWithin(address: number): boolean {
    for (let i = 0; i < this.#chunks.length; i++) {
      const { start, size } = this.#chunks[i];
      if (address >= start && address < start + size) return true;
    }
    return false;
  }

  #bump(size: number, bytes: number): number {
    let chunk = this.#chunks[this.#chunk];
    while (chunk === undefined || this.#offset + size > chunk.size) {
      if (chunk === undefined) this.#chunks.push(this.#newChunk(size, bytes));
      else {
        this.#chunk += 1;
        this.#offset = 0;
      }
      chunk = this.#chunks[this.#chunk];
    }
    const address = chunk.start + this.#offset;
    this.#offset += size;
    this.#used += size;
    return address;
  }

  /** Returns to the heap the chunks that no open level uses. */
  trim(): void {
    const kept = this.isOpen ? this.#chunk + 1 : 0;
    for (const chunk of this.#chunks.splice(kept)) this.#heap.release(chunk.start, chunk.size);
    if (kept === 0) {
      this.#chunk = 0;
      this.#offset = 0;
    }
  }

  /** Allocates a chunk, if possible as large as all chunks before together, so that few are needed. */
  #newChunk(size: number, bytes: number): Chunk {
    const generous = Math.max(size, FIRST_CHUNK, Math.min(this.held, LARGEST_SPARE));
    for (const wanted of [generous, size]) {
      const start = this.#heap.take(wanted);
      if (start >= 0) return { start, size: wanted };
    }
    throw this.#heap.exhausted(bytes, "a step's temporaries");
  }
}
