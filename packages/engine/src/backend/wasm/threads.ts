// Starts, replaces and ends the threads of one wasm backend.
import { Heap } from './heap.ts';
import { type Kernels, type ParallelKernels, unitRunners } from './kernels.generated.ts';
import { alone } from './kernelTeam.ts';
import { checkThreads, type KernelThreads, ThreadTeam } from './team.ts';
import { teamRecordAt, teamRecordBytes } from './teamRecord.ts';

export class WasmThreads {
  readonly #heap: Heap;
  /** The compiled kernels, which each new thread gets. */
  readonly #module: object;
  readonly #kernels: Kernels;
  readonly #parallel: ParallelKernels;
  /** The address of the threads' record; 0 without a record. */
  #recordAddress = 0;
  #closing: Promise<void> = Promise.resolve();

  constructor(heap: Heap, module: object, kernels: Kernels, parallel: ParallelKernels) {
    this.#heap = heap;
    this.#module = module;
    this.#kernels = kernels;
    this.#parallel = parallel;
  }

  /** The number of threads that compute, including the calling thread. */
  get count(): number {
    return this.#parallel.team.threads;
  }

  start(threads: KernelThreads): void {
    if (checkThreads(threads.count) === 1) return;
    const bytes = teamRecordBytes(threads.count);
    const address = this.#heap.take(Heap.blockSize(bytes));
    if (address < 0) throw this.#heap.exhausted(bytes, 'the memory that threads share');
    this.#recordAddress = address;
    const kernels = this.#kernels;
    const record = teamRecordAt(this.#heap.memory.buffer, address, threads.count);
    record.words.fill(0);
    const setup = { module: this.#module, memory: this.#heap.memory, record: address };
    this.#parallel.team = new ThreadTeam(threads, setup, record, (kernel, from, to) => unitRunners[kernel](kernels, record.args, from, to));
  }

  /** Replaces the threads. Does nothing if the count is already the same and no thread has ended. */
  async use(threads: KernelThreads): Promise<void> {
    if (checkThreads(threads.count) === this.count && !this.#parallel.team.isLost) return;
    const before = this.count;
    await this.close();
    if (this.#recordAddress > 0) this.#heap.release(this.#recordAddress, Heap.blockSize(teamRecordBytes(before)));
    this.#recordAddress = 0;
    this.start(threads);
  }

  async ready(): Promise<void> {
    await this.#parallel.team.ready();
  }

  close(): Promise<void> {
    const { team } = this.#parallel;
    this.#parallel.team = alone;
    this.#closing = Promise.all([this.#closing, team.close()]).then(() => {});
    return this.#closing;
  }
}
