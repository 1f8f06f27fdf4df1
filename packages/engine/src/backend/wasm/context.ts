// The state that all kernel families of the wasm backend share: memory, kernels and threads.
import { Heap } from './heap.ts';
import { compiled, type KernelModule, strictKernels } from './kernelModule.ts';
import { type Kernels, ParallelKernels } from './kernels.generated.ts';
import { alone } from './kernelTeam.ts';
import { WasmMemory } from './memory.ts';
import { PARAMETER_BYTES, Parameters } from './parameters.ts';
import type { KernelThreads } from './team.ts';
import { WasmThreads } from './threads.ts';
import { Instance } from './webAssembly.ts';

export interface WasmOptions {
  /** Bytes that the backend's memory may grow to; default 4 GiB. */
  readonly maximumBytes?: number;
  /**
   * Threads that share the kernels' work, such as `nodeThreads(2)` of '@trainyard/engine/node'. Results have the same bits with any number
   * of threads. Default: the calling thread only. Close a backend that has more threads.
   */
  readonly threads?: KernelThreads;
  /** The kernels. Default: the kernels with strict arithmetic. The alternative is `relaxedKernels` of '@trainyard/engine/relaxed'. */
  readonly kernels?: KernelModule;
}

export interface WasmContext {
  /** The engine version that is stored with results of these kernels. */
  readonly engineVersion: string;
  readonly memory: WasmMemory;
  readonly parameters: Parameters;
  /** The kernels as the module exports them. */
  readonly kernels: Kernels;
  /**
   * The kernels whose work is divided into units. A call runs all units: `parallel.maxPool2d(x, out, …, units, operations)`. `operations`
   * is the approximate number of multiply-adds of all units, or of elements if each is visited once. With few operations, the calling
   * thread does all the work.
   */
  readonly parallel: ParallelKernels;
  readonly threads: WasmThreads;
}

/**
 * Starts the kernels over a new memory.
 * @param memoryOver makes the memory. Tests pass a function whose memory checks where kernels write.
 * @throws EngineError `outOfMemory` if there is no address space for the memory
 * @throws EngineError `noRelaxedSimd` if this platform cannot run the kernels, because they need relaxed SIMD
 */
export function createContext(
  { maximumBytes, threads: wanted, kernels: source = strictKernels }: WasmOptions,
  memoryOver = (heap: Heap, parallel: ParallelKernels): WasmMemory => new WasmMemory(heap, parallel),
): WasmContext {
  const module = compiled(source);
  const heap = new Heap(maximumBytes);
  const kernels = new Instance(module, { env: { memory: heap.memory } }).exports as Kernels;
  const parametersAddress = Math.ceil(kernels.heapBase() / 64) * 64;
  const parameters = new Parameters(heap.integers(parametersAddress, PARAMETER_BYTES / 4));
  heap.open(parametersAddress + PARAMETER_BYTES);
  const parallel = new ParallelKernels(kernels, alone);
  const threads = new WasmThreads(heap, module, kernels, parallel);
  const memory = memoryOver(heap, parallel);
  if (wanted !== undefined) threads.start(wanted);
  return { engineVersion: source.engineVersion, memory, parameters, kernels, parallel, threads };
}
