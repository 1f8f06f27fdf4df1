// The reference backend's memory: ordinary JavaScript arrays, which the garbage collector frees. Arenas only count bytes here, so that
// reports look the same on every backend.
import type { BackendMemory } from '../backend.ts';
import type { FloatArray } from '../types.ts';

export function referenceMemory(dtype: 'float32' | 'float64'): BackendMemory {
  let openArenas = 0;
  let arenaBytes = 0;
  let persistentBytes = 0;
  let peakBytes = 0;
  const collected = new FinalizationRegistry<number>((bytes) => {
    persistentBytes -= bytes;
  });

  const floats = (length: number): FloatArray => (dtype === 'float32' ? new Float32Array(length) : new Float64Array(length));

  const notePeak = (): void => {
    peakBytes = Math.max(peakBytes, arenaBytes + persistentBytes);
  };

  /**
   * Adds an array's bytes to the open arena. Without an open arena nothing is counted, because the garbage collector may free the array at
   * any time.
   */
  const counted = <T extends FloatArray | Int32Array>(array: T): T => {
    if (openArenas > 0) {
      arenaBytes += array.byteLength;
      notePeak();
    }
    return array;
  };

  return {
    allocate: (length) => counted(floats(length)),
    allocateIndices: (length) => counted(new Int32Array(length)),

    allocatePersistent(length) {
      const array = floats(length);
      collected.register(array, array.byteLength);
      persistentBytes += array.byteLength;
      notePeak();
      return array;
    },

    enterArena() {
      openArenas += 1;
      return arenaBytes;
    },

    leaveArena(mark) {
      openArenas -= 1;
      arenaBytes = mark;
    },

    // These do nothing, because the garbage collector frees the arrays.
    beginOperation() {},
    endOperation() {},
    isResult: () => false,
    recycle() {},
    release() {},

    memoryUse: () => ({ bytes: arenaBytes + persistentBytes, peakBytes }),
  };
}
