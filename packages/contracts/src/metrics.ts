// What is measured once per epoch: the engine's own definition. The same object travels as the `epoch` event, as a job's
// `latest` and as a row of its metrics.
import { epochMetricsSchema } from '@trainyard/engine';
import type { z } from 'zod';

export const epochMetrics = epochMetricsSchema.meta({ id: 'EpochMetrics' });
export type EpochMetrics = z.infer<typeof epochMetrics>;
