// Chooses the loader for a dataset: a loader with a thread, or a loader without a thread.
import type { Dataset } from '../data/dataset.ts';
import { type BatchLoader, type BatchOptions, InlineLoader } from '../data/loader.ts';
import { AheadLoader } from './aheadLoader.ts';

/**
 * A thread prepares batches ahead of time for datasets of at least this many bytes. For smaller datasets, a thread costs more time than it
 * saves.
 */
const AHEAD_BYTES = 4 * 2 ** 20;

/**
 * Opens a loader that prepares batches in a thread if the dataset is large, otherwise a loader without a thread. Both give the same
 * batches.
 */
export function openLoader(dataset: Dataset, options: BatchOptions): BatchLoader {
  return dataset.inputs.byteLength < AHEAD_BYTES ? new InlineLoader(dataset, options) : new AheadLoader(dataset, options);
}
