// The temporary memory of a training step. Pieces are allocated one after the other in large blocks (chunks) of the heap. Going back to a
// mark frees at once all pieces that were allocated after the mark. The chunks are kept for the next step, which then uses the same
// addresses.
import type { FloatArray } from '../types.ts';
import { Heap } from './heap.ts';
import { Spares } from './spares.ts';

const FIRST_CHUNK = 1024 * 1024;
const LARGEST_SPARE = 256 * 1024 * 1024;

/** The count of numbers that are stored for each mark. */
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
  /** The level in which the current operation began; 0 without an operation. Allocations at this level are recorded as the operation's. */
  #operationLevel = 0;
  /** The level that the spare blocks belong to. */
  #sparesLevel = 0;
  /**
   * Four numbers for each mark: the index of the chunk, the bytes allocated in it, the bytes allocated in total, and the length of the list
   * of lent spares. Numbers of closed levels stay in the list, so that it does not grow when a level is opened again.
   */
  readonly #marks: number[] = [];
  /** How many numbers in `#marks` belong to open levels. */
  #level = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** Bytes allocated since the outermost mark. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of all chunks, whether in use or kept for later steps. */
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

  /** Frees everything that was allocated since `enter` returned `mark`, and closes the levels that were opened since then. */
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

  /** Allocates bytes and returns their address, a multiple of 64. @throws EngineError `outOfMemory` if the heap has no room */
  take(bytes: number): number {
    const size = Heap.blockSize(bytes);
    if (this.#operationLevel === 0) return this.#bump(size, bytes);
    const spare = this.#spares.take(size);
    if (this.#operationLevel !== this.#level) {
      // This is scratch memory of a kernel within the operation. When the kernel's level closes, newly allocated memory is freed, and a
      // spare block becomes spare again.
      if (spare < 0) return this.#bump(size, bytes);
      this.#spares.lend(spare, size);
      return spare;
    }
    const address = spare < 0 ? this.#bump(size, bytes) : spare;
    this.#spares.note(address, size, bytes);
    return address;
  }

  /** Begins an operation of a backward pass. From now on, memory allocated at this level belongs to the operation. */
  beginOperation(): void {
    this.#operationLevel = this.#level;
    this.#sparesLevel = this.#operationLevel;
  }

  /**
   * Ends the operation. The next operations of this level may use the operation's blocks again, except the blocks of the arrays `kept`.
   */
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

  /** Makes the block of an array spare, so that later operations can use it. Any open level may have allocated the array. */
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

  /** Gives chunks that no open level uses back to the heap. */
  trim(): void {
    const kept = this.isOpen ? this.#chunk + 1 : 0;
    for (const chunk of this.#chunks.splice(kept)) this.#heap.release(chunk.start, chunk.size);
    if (kept === 0) {
      this.#chunk = 0;
      this.#offset = 0;
    }
  }

  /** Allocates a chunk. It is as large as all existing chunks together if the heap has room, so that only a few chunks are needed. */
  #newChunk(size: number, bytes: number): Chunk {
    const generous = Math.max(size, FIRST_CHUNK, Math.min(this.held, LARGEST_SPARE));
    for (const wanted of [generous, size]) {
      const start = this.#heap.take(wanted);
      if (start >= 0) return { start, size: wanted };
    }
    throw this.#heap.exhausted(bytes, "a step's temporaries");
  }
}
