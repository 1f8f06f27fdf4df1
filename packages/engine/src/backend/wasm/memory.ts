// The wasm backend's memory. It allocates arrays and gives kernels the addresses of arrays. Arrays of an arena and persistent arrays are
// views of linear memory. Arrays made outside of arenas are ordinary JavaScript arrays ("hosted"): kernels work on copies of them in the
// arena.
import { ArgumentError } from '../../errors.ts';
import type { BackendMemory } from '../backend.ts';
import type { FloatArray } from '../types.ts';
import { Arena } from './arena.ts';
import { Heap } from './heap.ts';
import type { ParallelKernels } from './kernels.generated.ts';

/**
 * The number of views that are kept. It is a prime number, because addresses are often a power of two apart and should get different slots.
 */
const VIEWS = 4093;
const LINE = 64;

/** Returns the slot of a view. It depends on the length too, because a step may use the same address with several lengths. */
const viewSlot = (address: number, length: number): number => (address / LINE + 31 * length) % VIEWS;

export class WasmMemory implements BackendMemory {
  readonly #heap: Heap;
  /** Knows the number of threads, each of which needs its own scratch memory. */
  readonly #parallel: ParallelKernels;
  readonly #arena: Arena;
  #persistentBytes = 0;
  #peakBytes = 0;
  /**
   * Frees a persistent array's block when the array is collected. There are few of these arrays and they live long, so this does not slow
   * down steps.
   */
  readonly #collected = new FinalizationRegistry<readonly [start: number, size: number]>(([start, size]) => {
    this.#heap.release(start, size);
    this.#persistentBytes -= size;
  });
  /** The arena's mark before the first copy of a hosted array was allocated; -1 if there are no copies. */
  #stagingMark = -1;
  /** Views of the arena's memory by address and length. They are kept because each step uses the same addresses as the previous one. */
  readonly #floatViews: (Float32Array | undefined)[] = new Array<undefined>(VIEWS).fill(undefined);
  readonly #integerViews: (Int32Array | undefined)[] = new Array<undefined>(VIEWS).fill(undefined);
  /** Copies whose contents `finish` copies back to the hosted arrays. */
  readonly #results: { readonly address: number; readonly array: Float32Array | Int32Array }[] = [];

  constructor(heap: Heap, parallel: ParallelKernels) {
    this.#heap = heap;
    this.#parallel = parallel;
    this.#arena = new Arena(heap);
  }

  allocate(length: number): Float32Array {
    if (!this.#arena.isOpen) return new Float32Array(length);
    const address = this.#take(length * 4);
    const slot = viewSlot(address, length);
    const known = this.#floatViews[slot];
    if (known?.byteOffset === address && known.length === length) return known;
    return (this.#floatViews[slot] = this.#heap.floats(address, length));
  }

  allocateIndices(length: number): Int32Array {
    if (!this.#arena.isOpen) return new Int32Array(length);
    const address = this.#take(length * 4);
    const slot = viewSlot(address, length);
    const known = this.#integerViews[slot];
    if (known?.byteOffset === address && known.length === length) return known;
    return (this.#integerViews[slot] = this.#heap.integers(address, length));
  }

  /**
   * Allocates outside of every arena, also when one is open. The block lives as long as the returned array; a subarray does not keep it
   * alive.
   */
  allocatePersistent(length: number): Float32Array {
    const size = Heap.blockSize(length * 4);
    let start = this.#heap.take(size);
    if (start < 0) {
      this.#arena.trim();
      start = this.#heap.take(size);
      if (start < 0) throw this.#heap.exhausted(length * 4, 'parameters, gradients and optimizer state');
    }
    const array = this.#heap.floats(start, length).fill(0);
    this.#collected.register(array, [start, size]);
    this.#persistentBytes += size;
    this.#notePeak();
    return array;
  }

  enterArena(): number {
    return this.#arena.enter();
  }

  leaveArena(mark: number): void {
    this.#arena.leave(mark);
  }

  beginOperation(): void {
    if (this.#arena.isOpen) this.#arena.beginOperation();
  }

  endOperation(kept: readonly (FloatArray | null)[]): void {
    this.#arena.endOperation(kept);
  }

  isResult(array: FloatArray): boolean {
    return this.#heap.holds(array.buffer) && this.#arena.isResult(array);
  }

  recycle(array: FloatArray): void {
    if (this.#heap.holds(array.buffer)) this.#arena.recycle(array);
  }

  release(array: FloatArray | Int32Array): void {
    if (this.#heap.holds(array.buffer) && this.#arena.isOpen) this.#arena.release(array);
  }

  memoryUse(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.#arena.used + this.#persistentBytes, peakBytes: this.#peakBytes };
  }

  /** Returns whether an array is hosted (an ordinary JavaScript array). @throws ArgumentError if it is a float64 array */
  isHosted(x: FloatArray | Int32Array): x is Float32Array | Int32Array {
    if (this.#heap.holds(x.buffer)) return false;
    if (x instanceof Float64Array) {
      throw new ArgumentError('the wasm backend computes in float32, but got a float64 array: use the reference backend for float64');
    }
    return true;
  }

  /** Returns the address of an operand that the kernel reads. @throws ArgumentError if it is neither float32 nor int32 */
  read(x: FloatArray | Int32Array): number {
    return this.isHosted(x) ? this.#stage(x, true, false) : x.byteOffset;
  }

  /** Copies bytes for a kernel to read and returns their address. */
  readBytes(bytes: Uint8Array): number {
    const address = this.scratch(bytes.length);
    this.#heap.bytes(address, bytes.length).set(bytes);
    return address;
  }

  /** Returns the address of an operand that the kernel only writes. The kernel must write all of its elements. */
  write(out: FloatArray | Int32Array): number {
    return this.isHosted(out) ? this.#stage(out, false, true) : out.byteOffset;
  }

  /** Returns the address of an operand that the kernel reads and writes. */
  update(x: FloatArray | Int32Array): number {
    return this.isHosted(x) ? this.#stage(x, true, true) : x.byteOffset;
  }

  /**
   * Allocates scratch memory for a kernel. `finish` frees it. `bytes` may be an unsigned number that a kernel returned as a signed one.
   */
  scratch(bytes: number): number {
    this.#openStaging();
    return this.#take(bytes < 0 ? bytes >>> 0 : bytes);
  }

  /** Allocates scratch memory for a parallel kernel that needs `bytes` for each thread (`ownScratch`). */
  scratchOfEach(bytes: number): number {
    return this.scratch((bytes >>> 0) * this.#parallel.team.threads);
  }

  /** Copies results to hosted arrays and frees the copies and the scratch memory. Call it after each kernel. */
  finish(): void {
    if (this.#stagingMark < 0) return;
    for (const { address, array } of this.#results) {
      array.set(array instanceof Float32Array ? this.#heap.floats(address, array.length) : this.#heap.integers(address, array.length));
    }
    this.#dropCopies();
  }

  #dropCopies(): void {
    this.#results.length = 0;
    this.#arena.leave(this.#stagingMark);
    this.#stagingMark = -1;
  }

  #openStaging(): void {
    if (this.#stagingMark < 0) this.#stagingMark = this.#arena.enter();
  }

  #stage(array: Float32Array | Int32Array, copyIn: boolean, copyBack: boolean): number {
    this.#openStaging();
    const address = this.#take(array.byteLength);
    if (copyIn && array instanceof Float32Array) this.#heap.floats(address, array.length).set(array);
    else if (copyIn) this.#heap.integers(address, array.length).set(array);
    if (copyBack) this.#results.push({ address, array });
    return address;
  }

  #take(bytes: number): number {
    try {
      const address = this.#arena.take(bytes);
      this.#notePeak();
      return address;
    } catch (error) {
      if (this.#stagingMark >= 0) this.#dropCopies();
      throw error;
    }
  }

  #notePeak(): void {
    this.#peakBytes = Math.max(this.#peakBytes, this.#arena.used + this.#persistentBytes);
  }
}
