// A job spec as answers carry it: every default filled in and the seed drawn.
import { type JobSpec, jobSpecSchema } from '@trainyard/engine';
import type { z } from 'zod';

export const storedSpec: z.ZodType<JobSpec> = jobSpecSchema.extend({ seed: jobSpecSchema.shape.seed.unwrap() }).meta({ id: 'JobSpec' });
