// The running statistics of the batch and instance normalisation layers, as tensors with PyTorch's names.
import type { RunningStatistics } from '../../ops/batchNorm.ts';
import { Tensor } from '../../tensor.ts';
import { constant } from '../module.ts';

/** Returns running statistics before the first batch: mean 0 and variance 1 for each channel. */
export function newStatistics(channels: number): Required<RunningStatistics> {
  return {
    mean: constant([channels], 0).detach(),
    variance: constant([channels], 1).detach(),
    // Instance normalisation has this buffer too, as in PyTorch, and never changes it.
    batches: Tensor.persistent(new Int32Array(1), []),
  };
}

/** Returns the buffers of a layer with these statistics. A layer without statistics has none. */
export function statisticsBuffers(running: Required<RunningStatistics> | null): [string, Tensor][] {
  if (running === null) return [];
  return [
    ['running_mean', running.mean],
    ['running_var', running.variance],
    ['num_batches_tracked', running.batches],
  ];
}
