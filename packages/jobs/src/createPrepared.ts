// Making a job for which files have to be put by first. A crash at any point leaves either the job with its files, or a
// reservation by which they are removed.
import type { Job } from '@trainyard/contracts';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import type { JobStore, NewJob } from './jobStore.ts';
import type { Remains } from './remains.ts';

/**
 * @param prepare puts files by for the job with this id; what it answers goes into the job
 * @throws what `prepare` and {@link JobStore.create} throw; nothing is left behind then
 */
export async function createPrepared(
  { jobs, remains, artifacts }: { readonly jobs: JobStore; readonly remains: Remains; readonly artifacts: ArtifactStore },
  request: Omit<NewJob, 'jobId' | 'origin' | 'files'>,
  prepare: (jobId: string) => Promise<NonNullable<NewJob['origin']>>,
): Promise<{ readonly job: Job; readonly replayed: boolean }> {
  const jobId = jobs.newId();
  await remains.reserve(jobId);
  let isMade = false;
  try {
    const origin = await prepare(jobId);
    const made = await jobs.create({ ...request, jobId, origin, files: await filesOf(artifacts, jobId) });
    isMade = !made.replayed;
    return made;
  } finally {
    // After an error nobody knows whether the job was made. Its record says; where it cannot be asked now, the reservation stays.
    if (!isMade) await remains.remove(jobId).catch(() => undefined);
  }
}

async function filesOf(artifacts: ArtifactStore, jobId: string): Promise<Readonly<Record<string, number>>> {
  const sizes = (await artifacts.names(jobId)).map(async (name) => [name, (await artifacts.stat(jobId, name))?.bytes ?? 0] as const);
  return Object.fromEntries(await Promise.all(sizes));
}
