// A worker as it tells of itself.
import { z } from 'zod';
import { jobId } from './job.ts';

export const workerSchema = z
  .object({
    name: z.string().describe('As jobs name it.'),
    host: z.string(),
    pid: z.int().min(1),
    engineVersion: z.string().describe('What its jobs are trained with.'),
    concurrency: z.int().min(1).describe('Jobs that it trains at a time.'),
    jobs: z.array(jobId).readonly().describe('Those that it has in hand.'),
    startedAt: z.iso.datetime().describe('RFC 3339, UTC'),
    lastSeenAt: z.iso.datetime().describe('When it gave the last sign of life; after 10 s without one it is gone.'),
    residentBytes: z.int().min(0).describe('Of its process, without its training processes.'),
    cpuSeconds: z.number().min(0).describe('Time on a processor since its start, without its training processes.'),
  })
  .meta({ id: 'Worker' });
export type Worker = z.infer<typeof workerSchema>;

export const workerList = z.object({ data: z.array(workerSchema) }).meta({ id: 'WorkerList' });
