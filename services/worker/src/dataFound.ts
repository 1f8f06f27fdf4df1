// Says which data a job is trained on, where files on this machine decide that: one that is trained on other data than it was made for
// must not be taken for one on those. It keeps no job from training.
import type { FileDigests, JobSpec } from '@trainyard/engine';
import { dataDigestOf, type JobAttempt } from '@trainyard/jobs';
import type { Logger } from 'pino';

/** @param patiently makes a call again until Redis has answered */
export async function tellDataFound(
  attempt: JobAttempt,
  spec: JobSpec,
  digests: FileDigests,
  patiently: <T>(call: () => Promise<T>) => Promise<T>,
  log: Logger,
): Promise<void> {
  try {
    const digest = await dataDigestOf(spec, digests).catch((err: unknown) => {
      log.warn({ err }, 'the files of the dataset cannot be read');
      return undefined;
    });
    if (digest === null) return;
    const found = await patiently(() => attempt.foundData(digest ?? null));
    if (found === 'other') log.warn('the data is not that which the job was made for: it will not be reused');
  } catch (error) {
    log.warn({ err: error }, 'which data it is trained on could not be told');
  }
}
