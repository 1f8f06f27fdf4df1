// The storage of tensors, and the state that all tensors with the same storage share.
import type { FloatArray } from './backend/backend.ts';

export type Storage = FloatArray | Int32Array;

/** The state that all tensors with the same storage share. */
export interface Version {
  /** Counts the changes in place. */
  count: number;
  /** Whether every element counts as 0. The zeros are written when the storage is read. */
  isZeroed: boolean;
  /** Whether a backward pass uses the memory for something else, so that the tensor must not be used any more. */
  isReleased: boolean;
}

/** A tensor, for code that knows only its storage. */
export interface Stored {
  readonly storage: Storage;
  readonly version: Version;
}
