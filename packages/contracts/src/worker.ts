// A worker in responses, with the values of its last announcement.
import { z } from 'zod';
import { jobId } from './job.ts';

export const workerSchema = z
  .object({
    name: z.string().describe('The name that jobs show as `worker`.'),
    host: z.string(),
    pid: z.int().min(1),
    engineVersion: z.string().describe('The version of the engine that trains its jobs.'),
    concurrency: z.int().min(1).describe('The maximum number of concurrent jobs.'),
    jobs: z.array(jobId).readonly().describe('The ids of its running jobs.'),
    startedAt: z.iso.datetime().describe('RFC 3339, UTC'),
    lastSeenAt: z.iso
      .datetime()
      .describe('The time of its last announcement. A worker that has not announced itself for 10 s is no longer listed.'),
    residentBytes: z.int().min(0).describe('The resident memory of its process, without its training processes.'),
    cpuSeconds: z.number().min(0).describe('The CPU time since its start, without its training processes.'),
  })
  .meta({ id: 'Worker' });
export type Worker = z.infer<typeof workerSchema>;

export const workerList = z.object({ data: z.array(workerSchema) }).meta({ id: 'WorkerList' });
