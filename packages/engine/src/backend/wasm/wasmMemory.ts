// Memory of the wasm backend as the contract has it, and the way of any array to a kernel. Arrays made in an arena and
// persistent ones are views on linear memory; arrays made outside of arenas are JavaScript's own ("hosted"), which
// kernels see as copies in the arena.
import { ArgumentError } from '../../errors.ts';
import type { BackendMemory, FloatArray } from '../backend.ts';
import { Arena } from './arena.ts';
import { Heap } from './heap.ts';
import { type KernelModule, compiled, strictKernels } from './kernelModule.ts';
import { type Kernels, ParallelKernels, unitRunners } from './kernels.generated.ts';
import { alone, checkThreads, type KernelThreads, ThreadTeam } from './team.ts';
import { teamRecordAt, teamRecordBytes } from './teamRecord.ts';
import { Instance } from './webAssembly.ts';

export interface WasmOptions {
  /** Bytes that the backend's memory may grow to; default 4 GiB. */
  readonly maximumBytes?: number;
  /**
   * Threads that share the kernels' work, from the platform: `nodeThreads(2)` of '@trainyard/engine/node'. Results have the same bits
   * with any number of them. Default: the calling one only. Close a backend that has more.
   */
  readonly threads?: KernelThreads;
  /** What computes; default the kernels of strict arithmetic, the others are `relaxedKernels` of '@trainyard/engine/relaxed'. */
  readonly kernels?: KernelModule;
}

/** Largest number of dimensions that kernels have room for. */
export const MAX_RANK = 64;
/** Words of the parameter block: one list of records, or a geometry and its plan, then another list. */
export const FIRST_RECORDS = 0;
export const SECOND_RECORDS = FIRST_RECORDS + 4 * MAX_RANK;
/** Room for what kernels are told by way of memory: a geometry and what a kernel plans from it, or records of dimensions. */
const PARAMETER_BYTES = 16 * MAX_RANK * 2;

/** Views that are kept, a prime: places that are powers of two apart then have views of their own. */
const VIEWS = 4093;
const LINE = 64;

/** Where a view is kept: one place may be had in several lengths in a step. */
const viewSlot = (address: number, length: number): number => (address / LINE + 31 * length) % VIEWS;

export class WasmMemory implements BackendMemory {
  /** What results that are computed with these kernels carry. */
  readonly engineVersion: string;
  readonly kernels: Kernels;
  /**
   * The kernels whose work comes in units, run on all units: `parallel.maxPool2d(x, out, …, units, operations)`. Operations are
   * about how many multiply-adds (or elements, where a kernel only passes over them) all units have together: for a few
   * thousand no other thread is asked.
   */
  protected readonly parallel: ParallelKernels;
  /** The kernels, compiled. */
  readonly #module: object;
  /** Where the threads' record lies; 0 without one. */
  #recordAddress = 0;
  #closing: Promise<void> = Promise.resolve();
  /** int32 words at `parametersAddress`, for the kernels' geometry. */
  protected readonly parameters: Int32Array;
  protected readonly parametersAddress: number;
  readonly #heap: Heap;
  readonly #arena: Arena;
  #persistentBytes = 0;
  #peakBytes = 0;
  /** Gives a persistent array's block back when the array is collected: they are few and live long, so this costs nothing in a step. */
  readonly #collected = new FinalizationRegistry<readonly [start: number, size: number]>(([start, size]) => {
    this.#heap.release(start, size);
    this.#persistentBytes -= size;
  });
  /** The arena's mark below the copies of hosted arrays; -1 without any. */
  #stagingMark = -1;
  /** Views over places in arenas, by address and length: each step runs through the same places as the one before. */
  readonly #floatViews: (Float32Array | undefined)[] = new Array<undefined>(VIEWS).fill(undefined);
  readonly #integerViews: (Int32Array | undefined)[] = new Array<undefined>(VIEWS).fill(undefined);
  /** Copies that go back to their arrays when the kernel has run. */
  readonly #results: { readonly address: number; readonly array: Float32Array | Int32Array }[] = [];

  /** @throws EngineError `outOfMemory` when there is no address space for it, `noRelaxedSimd` for kernels that this platform cannot run. */
  constructor({ kernels = strictKernels, ...options }: WasmOptions = {}) {
    this.engineVersion = kernels.engineVersion;
    this.#module = compiled(kernels);
    this.#heap = new Heap(options.maximumBytes);
    this.kernels = new Instance(this.#module, { env: { memory: this.#heap.memory } }).exports as Kernels;
    const start = this.kernels.heapBase();
    this.parametersAddress = Math.ceil(start / 64) * 64;
    this.parameters = this.#heap.integers(this.parametersAddress, PARAMETER_BYTES / 4);
    this.#heap.open(this.parametersAddress + PARAMETER_BYTES);
    this.#arena = new Arena(this.#heap);
    this.parallel = new ParallelKernels(this.kernels, alone);
    if (options.threads !== undefined) this.#start(options.threads);
  }

  /** Threads that compute, the calling one among them. */
  get threads(): number {
    return this.parallel.team.threads;
  }

  /** Resolves when all threads take part; there is no need to wait for it. @throws ThreadLostError */
  async ready(): Promise<void> {
    await this.parallel.team.ready();
  }

  /** From here on kernels run on so many threads; those of before end, unless they are as many and all there. */
  async useThreads(threads: KernelThreads): Promise<void> {
    if (checkThreads(threads.count) === this.threads && !this.parallel.team.isLost) return;
    const { threads: before } = this;
    await this.close();
    if (this.#recordAddress > 0) this.#heap.release(this.#recordAddress, Heap.blockSize(teamRecordBytes(before)));
    this.#recordAddress = 0;
    this.#start(threads);
  }

  /** Ends the other threads, if there are any, and waits until they are gone; kernels then run on the calling one. */
  close(): Promise<void> {
    const { team } = this.parallel;
    this.parallel.team = alone;
    this.#closing = Promise.all([this.#closing, team.close()]).then(() => {});
    return this.#closing;
  }

  #start(threads: KernelThreads): void {
    if (checkThreads(threads.count) === 1) return;
    const bytes = teamRecordBytes(threads.count);
    const address = this.#heap.take(Heap.blockSize(bytes));
    if (address < 0) throw this.#heap.exhausted(bytes, 'what threads share');
    this.#recordAddress = address;
    const record = teamRecordAt(this.#heap.memory.buffer, address, threads.count);
    record.words.fill(0);
    const { kernels } = this;
    const setup = { module: this.#module, memory: this.#heap.memory, record: address };
    this.parallel.team = new ThreadTeam(threads, setup, record, (kernel, from, to) => unitRunners[kernel](kernels, record.args, from, to));
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
   * Lies outside of every arena, also when one is open. The block lives as long as the array that is returned: a
   * subarray of it does not keep it.
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

  /** Whether an array is JavaScript's own. @throws ArgumentError for a float64 one. */
  protected isHosted(x: FloatArray | Int32Array): x is Float32Array | Int32Array {
    if (this.#heap.holds(x.buffer)) return false;
    if (x instanceof Float64Array) {
      throw new ArgumentError('the wasm backend computes in float32, but got a float64 array: use the reference backend for float64');
    }
    return true;
  }

  /** The address of an operand that the kernel reads. @throws ArgumentError unless it is float32 (or int32). */
  protected read(x: FloatArray | Int32Array): number {
    return this.isHosted(x) ? this.#stage(x, true, false) : x.byteOffset;
  }

  /** The address of bytes that the kernel reads, which are JavaScript's own. */
  protected readBytes(bytes: Uint8Array): number {
    const address = this.scratch(bytes.length);
    this.#heap.bytes(address, bytes.length).set(bytes);
    return address;
  }

  /** The address of an operand that the kernel writes whole. */
  protected write(out: FloatArray | Int32Array): number {
    return this.isHosted(out) ? this.#stage(out, false, true) : out.byteOffset;
  }

  /** The address of an operand that the kernel changes. */
  protected update(x: FloatArray | Int32Array): number {
    return this.isHosted(x) ? this.#stage(x, true, true) : x.byteOffset;
  }

  /** Room of a kernel's own, until `finish`. `bytes` may come from a kernel, as a signed number. */
  protected scratch(bytes: number): number {
    this.#openStaging();
    return this.#take(bytes < 0 ? bytes >>> 0 : bytes);
  }

  /** The same for a parallel kernel that asks for its `ownScratch` of so many bytes. */
  protected scratchOfEach(bytes: number): number {
    return this.scratch((bytes >>> 0) * this.threads);
  }

  /** After a kernel: brings results to hosted arrays and drops the copies. */
  protected finish(): void {
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
