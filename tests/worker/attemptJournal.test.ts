// Tests what the worker stores of the events that a training process reports.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderArtifactStore } from '@trainyard/jobs';
import { pino } from 'pino';
import { expect } from 'vitest';
import { AttemptJournal } from '../../services/worker/src/attemptJournal.ts';
import { BackgroundUploads } from '../../services/worker/src/backgroundUploads.ts';
import { CheckpointKeeper } from '../../services/worker/src/checkpointKeeper.ts';
import { StorageOutage } from '../../services/worker/src/storageWaits.ts';
import { metricsOf, openJobs, startJob } from '../support/jobs.ts';
import { redisTest as test } from '../support/redis.ts';

test('the progress has the number of steps per epoch, even if the only step event follows epochs in one batch', async ({
  redis,
  onTestFinished,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-journal-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const artifacts = await FolderArtifactStore.open(folder);
  const jobs = openJobs(redis);
  const attempt = await startJob(jobs);
  const { signal } = new AbortController();
  const outage = new StorageOutage(() => undefined);
  const log = pino({ level: 'silent' });
  const journal = new AttemptJournal({
    attempt,
    artifacts,
    checkpoints: new CheckpointKeeper(artifacts, log),
    uploads: new BackgroundUploads(outage, { stop: signal, pause: signal }),
    outage,
    log,
    redisHealth: { report: () => null },
    abandoned: signal,
  });
  const epochs = [1, 2, 3].map((epoch) => ({ type: 'epoch' as const, epochs: 20, ...metricsOf(epoch) }));
  await journal.store([...epochs, { type: 'step', epoch: 3, step: 1, stepsPerEpoch: 4, loss: 1 }]);
  expect(await jobs.store.get(attempt.jobId)).toMatchObject({ progress: { epoch: 3, step: 4, stepsPerEpoch: 4 } });
});
