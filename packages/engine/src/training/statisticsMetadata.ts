// The statistics of the training data in the metadata of a file of weights, as JSON. Predictions need them, because the transform
// `standardize` uses them.
import { z } from 'zod';
import { countFitted, type TransformSpec } from '../data/transforms/index.ts';
import type { ChannelStatistics } from '../data/transforms/statistics.ts';
import { EngineError } from '../errors.ts';
import { parse } from '../validation.ts';

/** The key in the metadata. */
export const STATISTICS = 'standardize';

const schema = z.array(z.strictObject({ mean: z.array(z.number()), std: z.array(z.number()) }));

/** The file of weights lacks the statistics that the transforms of its job need. */
export class StatisticsError extends EngineError {
  constructor(found: string) {
    super('invalidStatistics', `the weights have ${found} in their metadata, under "${STATISTICS}": use the model.safetensors of the job`);
  }
}

/** Returns the metadata with the statistics. Empty if there are none. */
export function statisticsMetadata(statistics: readonly ChannelStatistics[]): Record<string, string> {
  return statistics.length === 0 ? {} : { [STATISTICS]: JSON.stringify(statistics) };
}

/**
 * Returns the statistics of a file of weights for these transforms.
 * @throws StatisticsError if the transforms need statistics, and the metadata does not have them
 */
export function statisticsIn(
  metadata: Readonly<Record<string, string>>,
  transforms: readonly TransformSpec[],
): readonly ChannelStatistics[] {
  const needed = countFitted(transforms);
  if (needed === 0) return [];
  const text = metadata[STATISTICS];
  if (text === undefined) throw new StatisticsError('no statistics of the training data');
  const parsed = parse(schema, jsonOf(text));
  if (!parsed.ok || parsed.data.length !== needed) throw new StatisticsError('damaged statistics of the training data');
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
