// The default backend: SIMD kernels in WebAssembly, float32 only. This file puts it together. Each kernel family is a module here; the
// kernels themselves are in packages/engine/kernels.
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

/** How convolutions are computed wherever it applies, for tests. By default their shapes decide. */
export interface ForcedVariants {
  readonly convVariant?: ConvVariant;
  /** The same for convolutions with relu and max-pooling. */
  readonly pooled?: PooledChoice;
}

export interface WasmBackendOptions extends WasmOptions, ForcedVariants {}

export interface WasmBackend extends Backend {
  readonly name: 'wasm';
  readonly dtype: 'float32';
  allocate(length: number): Float32Array;
  allocatePersistent(length: number): Float32Array;
  /** Threads that compute, with the calling thread. */
  readonly threads: number;
  /** Resolves when all threads take part. Nobody needs to wait for it. @throws ThreadLostError */
  ready(): Promise<void>;
  /** Replaces the threads, unless there are already as many and none has ended. */
  useThreads(threads: KernelThreads): Promise<void>;
  /** Ends the other threads, if there are any, and waits until they have ended. Kernels then run on the calling thread. */
  close(): Promise<void>;
}

/**
 * Makes a wasm backend.
 * @throws EngineError `outOfMemory` when there is no address space for its memory, `noRelaxedSimd` for kernels that this platform cannot run.
 */
export function wasmBackend(options: WasmBackendOptions = {}): WasmBackend {
  checkOptions('WasmBackend', options, ['threads', 'maximumBytes', 'kernels', 'convVariant', 'pooled']);
  return assembled(createContext(options), options);
}

/** Puts a wasm backend together. */
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

/** Returns the contract's part of a memory. */
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

/** Makes the same by `new WasmBackend(options)`: `new` on a function gives the object that the function returns. */
export const WasmBackend = wasmBackend as unknown as new (options?: WasmBackendOptions) => WasmBackend;
