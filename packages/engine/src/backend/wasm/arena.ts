// The temporaries of steps: bumped along in large blocks of the heap, given back all at once by going back to a mark.
// The blocks stay for the next step, which then runs through the same addresses.
import type { FloatArray } from '../backend.ts';
import { Heap } from './heap.ts';
import { Spares } from './spares.ts';

const FIRST_CHUNK = 1024 * 1024;
const LARGEST_SPARE = 256 * 1024 * 1024;

/** Numbers of a mark. */
const MARK = 4;

interface Chunk {
  readonly start: number;
  readonly size: number;
}

export class Arena {
  readonly #heap: Heap;
  readonly #chunks: Chunk[] = [];
  #chunk = 0;
  /** Bytes taken of the chunk in use. */
  #offset = 0;
  #used = 0;
  readonly #spares = new Spares();
  /** The level whose takings are noted; 0 when there is none. */
  #operationLevel = 0;
  /** The level whose spares there are. */
  #sparesLevel = 0;
  /** Four numbers a mark: chunk, offset, used, spares lent; those of levels that have ended stay, so that the list need not grow again. */
  readonly #marks: number[] = [];
  /** How many of these numbers are of open levels. */
  #level = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** Bytes taken since the outermost mark. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of the heap that are held, for these and for later steps. */
  get held(): number {
    let bytes = 0;
    for (const chunk of this.#chunks) bytes += chunk.size;
    return bytes;
  }

  get isOpen(): boolean {
    return this.#level > 0;
  }

  /** Opens a level; its number is for `leave`. */
  enter(): number {
    const mark = this.#level;
    this.#marks[mark] = this.#chunk;
    this.#marks[mark + 1] = this.#offset;
    this.#marks[mark + 2] = this.#used;
    this.#marks[mark + 3] = this.#spares.lent;
    this.#level = mark + MARK;
    return mark;
  }

  /** Gives back what was taken since `enter` returned `mark`, whatever levels were opened since. */
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

  /** The address of `bytes` bytes, a multiple of 64. @throws EngineError `outOfMemory`. */
  take(bytes: number): number {
    const size = Heap.blockSize(bytes);
    if (this.#operationLevel === 0) return this.#bump(size, bytes);
    const spare = this.#spares.take(size);
    if (this.#operationLevel !== this.#level) {
      // A kernel's own room within the operation: what is bumped goes with its level, a spare is noted to come back then.
      if (spare < 0) return this.#bump(size, bytes);
      this.#spares.lend(spare, size);
      return spare;
    }
    const address = spare < 0 ? this.#bump(size, bytes) : spare;
    this.#spares.note(address, size, bytes);
    return address;
  }

  /** What is taken from here on at this level is an operation's of a backward pass. */
  beginOperation(): void {
    this.#operationLevel = this.#level;
    this.#sparesLevel = this.#operationLevel;
  }

  /** What was taken since, but for what `kept` lies in, is taken again by the next operations of this level. */
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

  /** Makes a block spare that was taken at any open level, before or at that of the operations. */
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

  /** Returns the chunks that no open level uses to the heap. */
  trim(): void {
    const kept = this.isOpen ? this.#chunk + 1 : 0;
    for (const chunk of this.#chunks.splice(kept)) this.#heap.release(chunk.start, chunk.size);
    if (kept === 0) {
      this.#chunk = 0;
      this.#offset = 0;
    }
  }

  /** As large as all before, so that few are needed; smaller ones than this request may then be skipped. */
  #newChunk(size: number, bytes: number): Chunk {
    const generous = Math.max(size, FIRST_CHUNK, Math.min(this.held, LARGEST_SPARE));
    for (const wanted of [generous, size]) {
      const start = this.#heap.take(wanted);
      if (start >= 0) return { start, size: wanted };
    }
    throw this.#heap.exhausted(bytes, "a step's temporaries");
  }
}
