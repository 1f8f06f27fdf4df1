// The types of the platform's WebAssembly that the backend uses. TypeScript declares them only in the library for browsers.

export interface WasmMemoryObject {
  readonly buffer: ArrayBufferLike;
  /** @throws RangeError if the memory cannot grow by this number of pages */
  grow(pages: number): number;
}

interface WebAssemblyApi {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => WasmMemoryObject;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { env: { memory: WasmMemoryObject } }) => { readonly exports: unknown };
}

export const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
