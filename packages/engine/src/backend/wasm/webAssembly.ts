// The part of the platform's WebAssembly that the backend uses, typed here because the language's own library leaves it
// to the browser's.

export interface WasmMemoryObject {
  readonly buffer: ArrayBufferLike;
  /** @throws RangeError when the memory cannot grow so far. */
  grow(pages: number): number;
}

interface WebAssemblyApi {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => WasmMemoryObject;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { env: { memory: WasmMemoryObject } }) => { readonly exports: unknown };
}

export const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
