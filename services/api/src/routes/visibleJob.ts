// The job that a request's path names, if its caller may see it. Another key's job is a 404 in the words of one that
// never was.
import { type Job, jobId } from '@trainyard/contracts';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { visibleOwner } from '../plugins/access.ts';
import { nothingThere } from '../problems.ts';

/** @throws ProblemError 404 */
export async function visibleJob(jobs: JobStore, id: string, request: FastifyRequest): Promise<Job> {
  const job = jobId.safeParse(id).success ? await jobs.get(id, visibleOwner(request)) : null;
  if (job === null) throw nothingThere(request);
  request.jobId = id;
  return job;
}
