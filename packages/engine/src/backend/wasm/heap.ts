// The linear memory of one backend and who has which part of it: a first-fit list of free blocks over a WebAssembly
// memory that grows. The memory is a shared one, because only such a memory grows without detaching the views over it.
// Not for the temporaries of a step: those are bumped along in an arena, which takes large blocks from here.
import { EngineError } from '../../errors.ts';
import { Memory, type WasmMemoryObject } from './webAssembly.ts';

const PAGE = 65536;
const LARGEST = 65536 * PAGE;
/** Growing by less would only mean to grow more often: untouched pages cost nothing. */
const LEAST_GROWTH = 16 * 1024 * 1024;
/** Blocks start at multiples of a cache line. */
const LINE = 64;

interface Block {
  start: number;
  end: number;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;

export class Heap {
  readonly memory: WasmMemoryObject;
  /** Bytes that the memory may grow to; less than was asked for where the machine does not give as much address space. */
  readonly limit: number;
  #buffer: ArrayBufferLike;
  /** Earlier, shorter buffers over the same memory: views over them are as good as new ones. */
  readonly #earlier: ArrayBufferLike[] = [];
  /** In the order of their addresses; no two touch. */
  readonly #free: Block[] = [];
  #used = 0;
  /** Whether the system refused to let the memory grow, below its limit. */
  #wasRefused = false;

  /** @throws EngineError `outOfMemory` when not even a small memory can be had. */
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

  /** Bytes of the blocks that are taken. */
  get used(): number {
    return this.#used;
  }

  /** Whether an array over `buffer` lies in this memory, so that kernels can be given its address. */
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

  /** Says which bytes are free to begin with: those from `start` on. */
  open(start: number): void {
    this.#add(Math.ceil(start / LINE) * LINE, this.#buffer.byteLength);
  }

  /** What a block for `bytes` takes: whole lines, and one more, for reads past the end and against equal low address bits. */
  static blockSize(bytes: number): number {
    return (Math.ceil(bytes / LINE) + 1) * LINE;
  }

  /** The address of a block of `size` bytes, a multiple of 64; -1 when there is none. */
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

  /** Takes a block back. */
  release(start: number, size: number): void {
    this.#used -= size;
    this.#add(start, start + size);
  }

  /** The error for a block that `take` could not find. */
  exhausted(bytes: number, purpose: string): EngineError {
    const reason = this.#wasRefused ? ', and the system gives no more' : '';
    return new EngineError(
      'outOfMemory',
      `${megabytes(bytes)} for ${purpose} do not fit: ${megabytes(this.#used)} of at most ${megabytes(this.limit)} are in use${reason}. Use a smaller batch or a smaller model`,
    );
  }

  /** Adds a range to the free list and joins it with its neighbours. */
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

  /** Makes the memory end in a free block of at least `size` bytes. */
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
