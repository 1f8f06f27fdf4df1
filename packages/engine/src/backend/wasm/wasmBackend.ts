// The default backend: SIMD kernels in WebAssembly, float32 only. This file assembles the backend. Each kernel family is a module in this
// folder; the kernels themselves are in packages/engine/kernels.
import { checkOptions } from '../../argumentChecks.ts';
import type { Backend, BackendMemory } from '../backend.ts';
import { composedKernels } from '../composed.ts';
import { createContext, type WasmContext, type WasmOptions } from './context.ts';
import { convolutions } from './convolutions.ts';
import type { ConvVariant } from './convVariant.ts';
import { elementwise } from './elementwise.ts';
import { fusedConvolutions } from './fusedConvolutions.ts';
import { layers } from './layers.ts';
import { maxima } from './maxima.ts';
import type { WasmMemory } from './memory.ts';
import { movement } from './movement.ts';
import { optimizers } from './optimizers.ts';
import type { PooledChoice } from './pooledVariant.ts';
import { products } from './products.ts';
import type { KernelThreads } from './team.ts';

export type { WasmOptions } from './context.ts';

/** For tests: forces a way to compute convolutions wherever it applies. By default, the shapes decide. */
export interface ForcedVariants {
  readonly convVariant?: ConvVariant;
  /** The variants for convolutions with relu and max-pooling. */
  readonly pooled?: PooledChoice;
}

export interface WasmBackendOptions extends WasmOptions, ForcedVariants {}

export interface WasmBackend extends Backend {
  readonly name: 'wasm';
  readonly dtype: 'float32';
  allocate(length: number): Float32Array;
  allocatePersistent(length: number): Float32Array;
  /** The number of threads that compute, including the calling thread. */
  readonly threads: number;
  /**
   * Resolves when all threads take part. Waiting is optional: kernels can also run before. @throws ThreadLostError if a thread has ended
   */
  ready(): Promise<void>;
  /** Replaces the threads. Does nothing if the count is already the same and no thread has ended. */
  useThreads(threads: KernelThreads): Promise<void>;
  /** Ends the other threads, if there are any, and waits until they have ended. Kernels then run on the calling thread. */
  close(): Promise<void>;
}

/**
 * Makes a wasm backend.
 * @throws EngineError `outOfMemory` if there is no address space for the memory
 * @throws EngineError `noRelaxedSimd` if this platform cannot run the kernels, because they need relaxed SIMD
 */
export function wasmBackend(options: WasmBackendOptions = {}): WasmBackend {
  checkOptions('WasmBackend', options, ['threads', 'maximumBytes', 'kernels', 'convVariant', 'pooled']);
  return assembled(createContext(options), options);
}

/** Assembles a wasm backend from its context and its kernel families. */
export function assembled(context: WasmContext, { convVariant, pooled = {} }: ForcedVariants): WasmBackend {
  const { engineVersion, memory, threads } = context;
  const composed = composedKernels(() => backend);
  const backend: WasmBackend = {
    name: 'wasm',
    dtype: 'float32',
    engineVersion,
    ...memoryOf(memory),
    ...elementwise(context),
    ...movement(context),
    ...products(context),
    ...convolutions(context, convVariant),
    ...fusedConvolutions(context, convVariant, pooled, composed),
    ...maxima(context),
    ...layers(context),
    ...optimizers(context),
    get threads() {
      return threads.count;
    },
    ready: () => threads.ready(),
    useThreads: (next) => threads.use(next),
    close: () => threads.close(),
  };
  return backend;
}

/** Returns the methods of a memory that are part of the backend's contract. */
const memoryOf = (memory: WasmMemory): Pick<WasmBackend, keyof BackendMemory> => ({
  allocate: (length) => memory.allocate(length),
  allocatePersistent: (length) => memory.allocatePersistent(length),
  allocateIndices: (length) => memory.allocateIndices(length),
  enterArena: () => memory.enterArena(),
  leaveArena: (mark) => memory.leaveArena(mark),
  beginOperation: () => memory.beginOperation(),
  endOperation: (results) => memory.endOperation(results),
  isResult: (array) => memory.isResult(array),
  recycle: (array) => memory.recycle(array),
  release: (array) => memory.release(array),
  memoryUse: () => memory.memoryUse(),
});

/** `wasmBackend` for callers that write `new WasmBackend(options)`. `new` returns the object that the function returns. */
export const WasmBackend = wasmBackend as unknown as new (options?: WasmBackendOptions) => WasmBackend;
