// The linear memory of one backend, and its free blocks. It is a first-fit allocator over a WebAssembly memory that grows. The memory is
// shared, because only a shared memory can grow without detaching the views of it. Temporaries of a step are allocated in an arena
// (arena.ts), which takes large blocks from here.
import { EngineError } from '../../errors.ts';
import { Memory, type WasmMemoryObject } from './webAssembly.ts';

const PAGE = 65536;
const LARGEST = 65536 * PAGE;
/** The memory grows by at least this number of bytes, so that it grows seldom. Unused pages cost nothing. */
const LEAST_GROWTH = 16 * 1024 * 1024;
/** Blocks start at multiples of this size, a cache line. */
const LINE = 64;

interface Block {
  start: number;
  end: number;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;

export class Heap {
  readonly memory: WasmMemoryObject;
  /** The most bytes of the memory. It is less than requested if the machine cannot provide the address space. */
  readonly limit: number;
  #buffer: ArrayBufferLike;
  /** The buffers that the memory had before it grew. Views of them are still valid. */
  readonly #earlier: ArrayBufferLike[] = [];
  /** The free blocks in the order of their addresses. Neighbouring blocks are joined. */
  readonly #free: Block[] = [];
  #used = 0;
  /** Whether the system refused to let the memory grow before it reached its limit. */
  #wasRefused = false;

  /** @throws EngineError `outOfMemory` if even a small memory cannot be allocated */
  constructor(limit = LARGEST) {
    let pages = Math.ceil(Math.min(limit, LARGEST) / PAGE);
    let memory: WasmMemoryObject | null = null;
    while (memory === null) {
      try {
        memory = new Memory({ initial: 1, maximum: pages, shared: true });
      } catch (error) {
        if (pages * PAGE <= LEAST_GROWTH) {
          throw new EngineError('outOfMemory', 'not even 16 MB of address space are left for the engine: raise the limit (ulimit -v)', {
            cause: error,
          });
        }
        pages = Math.ceil(pages / 2);
      }
    }
    this.memory = memory;
    this.limit = pages * PAGE;
    this.#buffer = memory.buffer;
  }

  /** The bytes of all allocated blocks. */
  get used(): number {
    return this.#used;
  }

  /** Returns whether a buffer belongs to this memory, so that kernels can use the addresses of its arrays. */
  holds(buffer: ArrayBufferLike): boolean {
    return buffer === this.#buffer || this.#earlier.includes(buffer);
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#buffer, address, length);
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, address, length);
  }

  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.#buffer, address, length);
  }

  /** Makes all bytes from `start` on free. Call it once, before the first `take`. */
  open(start: number): void {
    this.#add(Math.ceil(start / LINE) * LINE, this.#buffer.byteLength);
  }

  /**
   * Returns the size of a block for `bytes`: whole cache lines and one more line. Kernels may read past the end of an array into this line.
   * Without it, blocks of a power of two would also start at addresses with equal low bits.
   */
  static blockSize(bytes: number): number {
    return (Math.ceil(bytes / LINE) + 1) * LINE;
  }

  /** Allocates a block of `size` bytes. @returns its address, a multiple of 64, or -1 if there is not enough memory */
  take(size: number): number {
    let at = this.#free.findIndex((block) => block.end - block.start >= size);
    if (at < 0) {
      if (!this.#grow(size)) return -1;
      at = this.#free.length - 1;
    }
    const block = this.#free[at];
    const start = block.start;
    block.start += size;
    if (block.start === block.end) this.#free.splice(at, 1);
    this.#used += size;
    return start;
  }

  /** Frees a block. */
  release(start: number, size: number): void {
    this.#used -= size;
    this.#add(start, start + size);
  }

  /** Returns the error for a block that `take` could not allocate. */
  exhausted(bytes: number, purpose: string): EngineError {
    const reason = this.#wasRefused ? ', and the system provides no more memory' : '';
    return new EngineError(
      'outOfMemory',
      `${megabytes(bytes)} for ${purpose} do not fit: ${megabytes(this.#used)} of at most ${megabytes(this.limit)} are in use${reason}. Use a smaller batch or a smaller model`,
    );
  }

  /** Adds a range to the free blocks and joins it with its neighbours. */
  #add(start: number, end: number): void {
    if (end <= start) return;
    let at = this.#free.findIndex((block) => block.start > start);
    if (at < 0) at = this.#free.length;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    const first = before?.end === start ? before.start : start;
    const last = after?.start === end ? after.end : end;
    const from = before?.end === start ? at - 1 : at;
    const joined = (first < start ? 1 : 0) + (last > end ? 1 : 0);
    this.#free.splice(from, joined, { start: first, end: last });
  }

  /** Grows the memory so that it ends with a free block of at least `size` bytes. @returns whether this was possible */
  #grow(size: number): boolean {
    const end = this.#buffer.byteLength;
    const last = this.#free.at(-1);
    const missing = size - (last?.end === end ? last.end - last.start : 0);
    if (end + missing > this.limit) return false;
    const generous = Math.min(Math.max(missing, LEAST_GROWTH, end / 4), this.limit - end);
    for (const bytes of [generous, missing]) {
      try {
        this.memory.grow(Math.ceil(bytes / PAGE));
      } catch {
        continue;
      }
      this.#earlier.push(this.#buffer);
      this.#buffer = this.memory.buffer;
      this.#add(end, this.#buffer.byteLength);
      return true;
    }
    this.#wasRefused = true;
    return false;
  }
}
