// The backend that computes. The default, wasm, is made when it is first needed, so importing the engine compiles nothing.
import type { Backend } from './backend.ts';
import { ArgumentError } from '../errors.ts';
import { show } from '../validation.ts';
import { WasmBackend } from './wasm/wasmBackend.ts';

let current: Backend | null = null;

/** Returns the backend that computes now. */
export function backend(): Backend {
  current ??= new WasmBackend();
  return current;
}

/** Makes `next` the backend of everything that follows. Tensors that exist keep their memory and can still be read. */
export function setBackend(next: Backend): void {
  if (typeof (next as unknown) !== 'object' || typeof (next as Partial<Backend>).allocate !== 'function') {
    throw new ArgumentError(`setBackend takes a backend, such as new WasmBackend(), got ${show(next)}`);
  }
  current = next;
}

/** Runs `fn` on another backend, then returns to the backend before. */
export function withBackend<T>(next: Backend, fn: () => T): T {
  const previous = current;
  current = next;
  try {
    return fn();
  } finally {
    current = previous;
  }
}
