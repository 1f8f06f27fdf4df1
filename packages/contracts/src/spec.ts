// A job spec as answers carry it: every default filled in and the seed drawn.
import { checkedJobSchema, type JobSpec } from '@trainyard/engine';
import type { z } from 'zod';

export const storedSpec: z.ZodType<JobSpec> = checkedJobSchema.meta({ id: 'JobSpec' });
