// The reference backend's memory: ordinary JavaScript arrays, all of them collected by the garbage collector. Arenas only
// keep account here, so that reports look alike on every backend.
import type { BackendMemory, FloatArray } from '../backend.ts';

export interface ReferenceOptions {
  /** Precision of every float array; default 'float32'. 'float64' is for gradient checks. */
  readonly dtype?: 'float32' | 'float64';
}

export class ReferenceMemory implements BackendMemory {
  readonly dtype: 'float32' | 'float64';
  #openArenas = 0;
  #arenaBytes = 0;
  #persistentBytes = 0;
  #peakBytes = 0;
  readonly #collected = new FinalizationRegistry<number>((bytes) => {
    this.#persistentBytes -= bytes;
  });

  constructor(options: ReferenceOptions = {}) {
    this.dtype = options.dtype ?? 'float32';
  }

  allocate(length: number): FloatArray {
    return this.#count(this.#floats(length));
  }

  allocatePersistent(length: number): FloatArray {
    const array = this.#floats(length);
    this.#collected.register(array, array.byteLength);
    this.#persistentBytes += array.byteLength;
    this.#notePeak();
    return array;
  }

  allocateIndices(length: number): Int32Array {
    return this.#count(new Int32Array(length));
  }

  enterArena(): number {
    this.#openArenas += 1;
    return this.#arenaBytes;
  }

  leaveArena(mark: number): void {
    this.#openArenas -= 1;
    this.#arenaBytes = mark;
  }

  /** JavaScript's garbage collector looks after the rest. */
  beginOperation(): void {}

  endOperation(): void {}

  isResult(): boolean {
    return false;
  }

  recycle(): void {}

  release(): void {}

  memoryUse(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.#arenaBytes + this.#persistentBytes, peakBytes: this.#peakBytes };
  }

  #floats(length: number): FloatArray {
    return this.dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
  }

  /** Outside of arenas there is nothing to count: such an array is the garbage collector's at once. */
  #count<T extends FloatArray | Int32Array>(array: T): T {
    if (this.#openArenas > 0) {
      this.#arenaBytes += array.byteLength;
      this.#notePeak();
    }
    return array;
  }

  #notePeak(): void {
    this.#peakBytes = Math.max(this.#peakBytes, this.#arenaBytes + this.#persistentBytes);
  }
}
