// The wasm backend with marks around all arrays of arenas and all scratch memory, and in them, for tests that kernels keep to their
// memory: nothing is written before or behind it, and what lies there, or lay in it before, does not matter.
import { WasmBackend } from '@trainyard/engine';
import { expect } from 'vitest';
import type { FloatArray } from './compareKernels.ts';

/** Bytes on both sides; no row of a tile, and no vector, reaches across. */
const GUARD = 256;
const GUARD_ELEMENTS = GUARD / 4;
/** As a float, NaN. */
const MARK = 0xff;

interface Guard {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** It looks at the marks when a kernel has run. */
export class GuardedBackend extends WasmBackend {
  readonly #ofScratch: Guard[] = [];
  readonly #ofArrays: Guard[] = [];
  /** How many arrays' guards there were when an arena was entered, by its mark. */
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
    if (this.#isHosted(whole)) return super.allocate(length);
    this.#guard(`${length} numbers`, whole.byteOffset, 4 * length, this.#ofArrays);
    return whole.subarray(GUARD_ELEMENTS, GUARD_ELEMENTS + length);
  }

  override allocateIndices(length: number): Int32Array {
    const whole = super.allocateIndices(length + 2 * GUARD_ELEMENTS);
    if (this.#isHosted(whole)) return super.allocateIndices(length);
    this.#guard(`${length} indices`, whole.byteOffset, 4 * length, this.#ofArrays);
    return whole.subarray(GUARD_ELEMENTS, GUARD_ELEMENTS + length);
  }

  protected override scratch(bytes: number): number {
    const length = bytes >>> 0;
    const start = super.scratch(length + 2 * GUARD);
    this.#guard('scratch memory', start, length, this.#ofScratch);
    return start + GUARD;
  }

  protected override finish(): void {
    for (const { what, bytes } of [...this.#ofScratch, ...this.#ofArrays]) {
      if (bytes.some((byte) => byte !== MARK)) expect.fail(`a kernel wrote ${what}`);
    }
    this.#ofScratch.length = 0;
    super.finish();
  }

  /** Outside of arenas arrays are JavaScript's own. */
  #isHosted({ buffer }: FloatArray | Int32Array): boolean {
    return buffer instanceof ArrayBuffer;
  }

  #guard(what: string, start: number, bytes: number, guards: Guard[]): void {
    const { buffer } = super.allocate(1);
    new Uint8Array(buffer, start, bytes + 2 * GUARD).fill(MARK);
    guards.push({ what: `before ${what}`, bytes: new Uint8Array(buffer, start, GUARD) });
    guards.push({ what: `behind ${what}`, bytes: new Uint8Array(buffer, start + GUARD + bytes, GUARD) });
  }
}
