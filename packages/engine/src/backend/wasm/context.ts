// What the kernel families of the wasm backend work with.
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
   * Threads that share the kernels' work, from the platform: `nodeThreads(2)` of '@trainyard/engine/node'. Results have the same bits
   * with any number of them. Default: the calling thread only. Close a backend that has more.
   */
  readonly threads?: KernelThreads;
  /** The kernels; default those of strict arithmetic. The others are `relaxedKernels` of '@trainyard/engine/relaxed'. */
  readonly kernels?: KernelModule;
}

export interface WasmContext {
  /** The engine's version that results of these kernels carry. */
  readonly engineVersion: string;
  readonly memory: WasmMemory;
  readonly parameters: Parameters;
  /** The kernels as the module exports them. */
  readonly kernels: Kernels;
  /**
   * The kernels that work in units, run on all units: `parallel.maxPool2d(x, out, …, units, operations)`. `operations` is about how many
   * multiply-adds all units have together, or how many elements if a kernel only passes over them. For a few thousand no other thread is
   * asked.
   */
  readonly parallel: ParallelKernels;
  readonly threads: WasmThreads;
}

/**
 * Starts the kernels over a new memory.
 * @param memoryOver makes the memory; tests give one that checks what kernels write.
 * @throws EngineError `outOfMemory` when there is no address space for it, `noRelaxedSimd` for kernels that this platform cannot run.
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
