// A block of memory for values that do not fit into a kernel's arguments: lists of dimensions, or the sizes of a convolution or a pooling.
// Kernels write their plan after the sizes. Each call overwrites the block.
import type { ConvGeometry, PoolGeometry } from '../types.ts';
import { writeConvSizes, writePoolSizes } from './kernels.generated.ts';

/** The largest number of dimensions that fits into the block. */
const MAX_RANK = 64;
/** The word at which the second list of records begins. A record has at most four words. */
const SECOND = 4 * MAX_RANK;

/** Bytes of the block. */
export const PARAMETER_BYTES = 2 * SECOND * 4;

export class Parameters {
  /** The block as int32 words. */
  readonly words: Int32Array;
  /** The first list of records: the index of its first word, and its address. */
  readonly firstWord = 0;
  readonly firstAddress: number;
  /** The second list of records. */
  readonly secondWord = SECOND;
  readonly secondAddress: number;

  constructor(words: Int32Array) {
    this.words = words;
    this.firstAddress = words.byteOffset;
    this.secondAddress = words.byteOffset + SECOND * 4;
  }

  /** Writes a convolution's sizes and returns their address. */
  convSizes(geometry: ConvGeometry): number {
    writeConvSizes(this.words, 0, geometry);
    return this.firstAddress;
  }

  /** Writes a pooling's sizes and returns their address. */
  poolSizes(geometry: PoolGeometry): number {
    writePoolSizes(this.words, 0, geometry);
    return this.firstAddress;
  }
}
