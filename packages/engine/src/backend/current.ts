// The current backend. The default, wasm, is made when it is first needed, so that importing the engine compiles no kernels.
import type { Backend } from './backend.ts';
import { ArgumentError } from '../errors.ts';
import { show } from '../validation.ts';
import { WasmBackend } from './wasm/wasmBackend.ts';

let current: Backend | null = null;

/** Returns the current backend. */
export function backend(): Backend {
  current ??= new WasmBackend();
  return current;
}

/** Makes `next` the current backend. Existing tensors keep their memory and can still be read. */
export function setBackend(next: Backend): void {
  if (typeof (next as unknown) !== 'object' || typeof (next as Partial<Backend>).allocate !== 'function') {
    throw new ArgumentError(`setBackend takes a backend, such as new WasmBackend(), got ${show(next)}`);
  }
  current = next;
}

/** Runs `fn` on another backend, then makes the previous backend current again. */
export function withBackend<T>(next: Backend, fn: () => T): T {
  const previous = current;
  current = next;
  try {
    return fn();
  } finally {
    current = previous;
  }
}
