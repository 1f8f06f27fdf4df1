// Which loader suits a split: a thread of its own, or none.
import type { Dataset } from '../data/dataset.ts';
import { type BatchLoader, type BatchOptions, InlineLoader } from '../data/loader.ts';
import { sizeOf } from '../shape.ts';
import { AheadLoader } from './aheadLoader.ts';

/** From so many values a pass on, some 6 ms of gathering, a thread soon earns what it costs to start. */
const AHEAD_FROM = 4_000_000;

/** Opens a loader that works ahead in a thread where that pays, else one that gathers when asked; the numbers are the same. */
export function openLoader(dataset: Dataset, options: BatchOptions): BatchLoader {
  const values = dataset.length * sizeOf(dataset.inputShape);
  return values < AHEAD_FROM ? new InlineLoader(dataset, options) : new AheadLoader(dataset, options);
}
