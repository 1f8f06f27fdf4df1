// Chooses the metrics for a kind of target.
import type { Target, TargetArray } from '../data/dataset.ts';
import { sizeOf } from '../shape.ts';
import { ClassCounts } from './classMetrics.ts';
import type { TestMetrics } from './metricDefinitions.ts';
import { ValueErrors } from './valueMetrics.ts';

/** Adds up the metrics of test data, batch by batch. */
export interface MetricSums {
  /** The number of samples that were added. */
  readonly samples: number;
  /** The metrics of all samples that were added, without the loss. */
  readonly metrics: Omit<TestMetrics, 'testLoss'>;
  /** Adds a batch. @param outputs the network's outputs of all samples, row-major */
  add(outputs: ArrayLike<number>, targets: TargetArray): void;
}

/** Returns empty sums of the metrics that this target has. */
export function metricSums(target: Target): MetricSums {
  return target.kind === 'class' ? new ClassCounts(target) : new ValueErrors(sizeOf(target.shape));
}
