// The storage of tensors, and the state that all tensors with the same storage share.
import type { FloatArray } from './backend/backend.ts';

export type Storage = FloatArray | Int32Array;

/** The state that all tensors with the same storage share. */
export interface Version {
  /** The number of changes in place. */
  count: number;
  /** Whether all elements are 0, but the zeros are not written yet. They are written when the storage is read. */
  isZeroed: boolean;
  /** Whether a backward pass may have reused the memory. Tensors with this storage must then not be used. */
  isReleased: boolean;
}

/** The fields of a tensor that concern its storage. */
export interface Stored {
  readonly storage: Storage;
  readonly version: Version;
}
