// Computes the statistics of the training data that transforms need.
import { sizeOf } from '../../shape.ts';
import { type Dataset, targetArray } from '../dataset.ts';
import { findTransform, type TransformSpec } from './index.ts';
import { SampleReader } from './reader.ts';
import { type ChannelStatistics, StatisticsSums } from './statistics.ts';

/**
 * Returns the statistics for each transform that needs them, in their order: those of the samples after the transforms before it, as in
 * evaluation.
 * @param train the training part, without samples that are left out
 * @throws ShapeError if a transform does not fit its input
 * @throws ArgumentError if the options of a transform are invalid
 */
export function fitTransforms(train: Dataset, transforms: readonly TransformSpec[]): ChannelStatistics[] {
  const statistics: ChannelStatistics[] = [];
  for (const [index, { type }] of transforms.entries()) {
    const definition = findTransform(type);
    if (definition.scope !== 'sample' || definition.needsStatistics !== true) continue;
    statistics.push(statisticsOf(train, new SampleReader(train, { transforms: transforms.slice(0, index), statistics })));
  }
  return statistics;
}

function statisticsOf(train: Dataset, reader: SampleReader): ChannelStatistics {
  const sums = new StatisticsSums(reader.shape);
  const sample = new Float32Array(sizeOf(reader.shape));
  const target = targetArray(reader.target, 1);
  const index = new Uint32Array(1);
  for (let i = 0; i < train.length; i++) {
    index[0] = i;
    reader.read(index, 0, sample, target);
    sums.add(sample);
  }
  return sums.statistics;
}
