// Finds the job in the path of a request, if the caller may see it. A job of another key gets the same 404 as a job that does not exist.
import { type Job, jobId } from '@trainyard/contracts';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { visibleOwner } from '../plugins/access.ts';
import { nothingThere } from '../problems.ts';

/** Returns the job with this id. @throws ProblemError 404 if the caller may see no job with this id */
export async function visibleJob(jobs: JobStore, id: string, request: FastifyRequest): Promise<Job> {
  const job = jobId.safeParse(id).success ? await jobs.get(id, visibleOwner(request)) : null;
  if (job === null) throw nothingThere(request);
  request.jobId = id;
  return job;
}
