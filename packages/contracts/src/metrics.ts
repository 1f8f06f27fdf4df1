// The metrics of one epoch, as the engine defines them. They are used in the `epoch` event, in a job's `latest` and in the list of a job's
// metrics.
import { epochMetricsSchema } from '@trainyard/engine/spec';
import type { z } from 'zod';

export const epochMetrics = epochMetricsSchema.meta({ id: 'EpochMetrics' });
export type EpochMetrics = z.infer<typeof epochMetrics>;
