// Records a digest of the data that a job is trained on, if the data depends on files of this machine. If the data has changed since the
// job was created, the result of the job must not be reused for equal specs. The job is trained in any case.
import type { FileDigests } from '@trainyard/engine/data';
import type { JobSpec } from '@trainyard/engine/spec';
import { dataDigestOf, type JobAttempt } from '@trainyard/jobs';
import type { Logger } from 'pino';

/**
 * Records the digest of the job's data. An error is logged and does not end the attempt.
 * @param withRedis calls the given function, again and again until Redis replies
 */
export async function recordDataDigest(
  attempt: JobAttempt,
  spec: JobSpec,
  digests: FileDigests,
  withRedis: <T>(call: () => Promise<T>) => Promise<T>,
  log: Logger,
): Promise<void> {
  try {
    const digest = await dataDigestOf(spec, digests).catch((err: unknown) => {
      log.warn({ err }, 'the files of the dataset cannot be read');
      return undefined;
    });
    if (digest === null) return;
    const found = await withRedis(() => attempt.compareData(digest ?? null));
    if (found === 'other') log.warn('the data has changed since the job was created: its result will not be reused');
  } catch (error) {
    log.warn({ err: error }, 'the digest of the data could not be recorded');
  }
}
