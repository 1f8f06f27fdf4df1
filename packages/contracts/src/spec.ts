// A job spec in responses. All defaults are filled in, and the seed is set.
import { checkedJobSchema, type JobSpec } from '@trainyard/engine/spec';
import type { z } from 'zod';

export const storedSpec: z.ZodType<JobSpec> = checkedJobSchema.meta({ id: 'JobSpec' });
