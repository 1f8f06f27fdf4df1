// The wasm backend with marks before, after and in all arrays of arenas and all scratch memory. With it, tests check that kernels write
// only to their own memory, and that its old content and the bytes around it do not change the results.
import { expect } from 'vitest';
import type { FloatArray } from '../../packages/engine/src/backend/backend.ts';
import { createContext } from '../../packages/engine/src/backend/wasm/context.ts';
import { WasmMemory } from '../../packages/engine/src/backend/wasm/memory.ts';
import { assembled, type WasmBackend, type WasmBackendOptions } from '../../packages/engine/src/backend/wasm/wasmBackend.ts';

/** The number of marked bytes on both sides: more than a row of a tile or a vector. */
const GUARD = 256;
const GUARD_ELEMENTS = GUARD / 4;
/** The byte of the marks. A float of these bytes is NaN. */
const MARK = 0xff;
const untouched = Buffer.alloc(GUARD, MARK);

interface Guard {
  readonly what: string;
  readonly bytes: Buffer;
}

/** Makes a wasm backend that checks the marks after each kernel. */
export const guardedBackend = (options: WasmBackendOptions = {}): WasmBackend =>
  assembled(
    createContext(options, (heap, parallel) => new GuardedMemory(heap, parallel)),
    options,
  );

class GuardedMemory extends WasmMemory {
  readonly #ofScratch: Guard[] = [];
  readonly #ofArrays: Guard[] = [];
  /** The number of guarded arrays at the time when an arena was entered, by the arena's mark. */
  readonly #levels = new Map<number, number>();

  override enterArena(): number {
    const mark = super.enterArena();
    this.#levels.set(mark, this.#ofArrays.length);
    return mark;
  }

  override leaveArena(mark: number): void {
    this.#ofArrays.length = this.#levels.get(mark) ?? 0;
    super.leaveArena(mark);
  }

  override allocate(length: number): Float32Array {
    const whole = super.allocate(length + 2 * GUARD_ELEMENTS);
    if (isHosted(whole)) return super.allocate(length);
    this.#guard(`${length} numbers`, whole.byteOffset, 4 * length, this.#ofArrays);
    return whole.subarray(GUARD_ELEMENTS, GUARD_ELEMENTS + length);
  }

  override allocateIndices(length: number): Int32Array {
    const whole = super.allocateIndices(length + 2 * GUARD_ELEMENTS);
    if (isHosted(whole)) return super.allocateIndices(length);
    this.#guard(`${length} indices`, whole.byteOffset, 4 * length, this.#ofArrays);
    return whole.subarray(GUARD_ELEMENTS, GUARD_ELEMENTS + length);
  }

  override scratch(bytes: number): number {
    const length = bytes >>> 0;
    const start = super.scratch(length + 2 * GUARD);
    this.#guard('scratch memory', start, length, this.#ofScratch);
    return start + GUARD;
  }

  override finish(): void {
    for (const { what, bytes } of [...this.#ofScratch, ...this.#ofArrays]) {
      if (!bytes.equals(untouched)) expect.fail(`a kernel wrote ${what}`);
    }
    this.#ofScratch.length = 0;
    super.finish();
  }

  #guard(what: string, start: number, bytes: number, guards: Guard[]): void {
    const { buffer } = super.allocate(1);
    new Uint8Array(buffer, start, bytes + 2 * GUARD).fill(MARK);
    guards.push({ what: `before ${what}`, bytes: Buffer.from(buffer, start, GUARD) });
    guards.push({ what: `behind ${what}`, bytes: Buffer.from(buffer, start + GUARD + bytes, GUARD) });
  }
}

/** Whether an array is in JavaScript's own memory, because no arena is entered. */
function isHosted({ buffer }: FloatArray | Int32Array): boolean {
  return buffer instanceof ArrayBuffer;
}
