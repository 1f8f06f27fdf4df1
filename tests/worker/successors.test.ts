// Jobs that start from a checkpoint of another job, with real training. A retry ends with the same bits as an undisturbed job. A fork uses
// the changed settings.
import { join } from 'node:path';
import { checkSpec } from '@trainyard/engine/spec';
import { FolderArtifactStore, KeyQuotas, noQuotas, readSnapshot, redisKeys, ReservedFiles, Successors } from '@trainyard/jobs';
import { expect } from 'vitest';
import { until } from './fixtures/processes.ts';
import { storedInRedis } from '../support/storedBytes.ts';
import { type Workers, workerTest } from './fixtures/workers.ts';

const { spec } = checkSpec({
  seed: 5,
  data: { dataset: 'digits', trainLimit: 1_500, testLimit: 40, batchSize: 2 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 4, kernelSize: 5 },
      { type: 'dropout', p: 0.2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
  epochs: 6,
});

const test = workerTest.extend('tools', async ({ workers, redis }, { onCleanup }) => {
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  onCleanup(async () => await artifacts.close());
  const options = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const reservedFiles = new ReservedFiles(options);
  return {
    artifacts,
    reservedFiles,
    successors: new Successors({ ...options, jobs: workers.jobs.store, eventLog: workers.jobs.log, reservedFiles }),
  };
});

/** Returns a new job that was paused after its first epoch and has a checkpoint there. Its workers must use the program heldChild.ts. */
async function pausedLater(workers: Workers): Promise<string> {
  const letGo = await workers.hold('epoch');
  const jobId = await workers.submit(spec);
  await workers.untilEpoch(jobId, 1);
  await workers.jobs.store.act('pause', jobId);
  await letGo();
  await until('the pause', async () => (await workers.jobs.store.get(jobId))?.status === 'paused');
  expect((await workers.jobs.store.get(jobId))?.checkpoint?.epoch).toBeGreaterThan(0);
  return jobId;
}

test('the retry of a cancelled job that is then deleted ends with the same bits', async ({ workers, tools }) => {
  await workers.start({ real: true, program: 'heldChild.ts' });
  const undisturbed = await workers.ended(await workers.submit(spec));
  const first = await pausedLater(workers);
  await workers.jobs.store.act('cancel', first);
  const cancelled = await workers.ended(first);
  expect(cancelled.status).toBe('cancelled');
  const { job } = await tools.successors.retry(cancelled, { spec, owner: 'ada' });
  await workers.jobs.store.delete(first);
  await tools.reservedFiles.remove(first);
  const retried = await workers.ended(job.id);
  expect(retried).toMatchObject({ status: 'succeeded', retryOf: first });
  expect(retried.result?.weightsSha256).toBe(undisturbed.result?.weightsSha256);
  expect(retried.result?.finalTrainLoss).toBe(undisturbed.result?.finalTrainLoss);
  expect(await workers.epochs(job.id)).toEqual([1, 2, 3, 4, 5, 6]);
  const gradients = (await workers.events(job.id)).flatMap((event) => (event.event === 'gradients' ? [event.data] : []));
  expect(gradients).toEqual([1, 2, 3, 4, 5, 6].map((epoch) => ({ jobId: job.id, epoch })));
  for (const { epoch } of gradients) {
    for (const kind of ['gradients', 'evaluation'] as const) {
      const kept = await readSnapshot(tools.artifacts, job.id, kind, epoch);
      expect(kept.document).toEqual((await readSnapshot(tools.artifacts, undisturbed.id, kind, epoch)).document);
    }
  }
});

test('a fork of a running job continues with other hyperparameters, and both jobs end', async ({ workers, tools }) => {
  await workers.start({ real: true, program: 'heldChild.ts', concurrency: 2 });
  const first = await pausedLater(workers);
  await workers.jobs.store.act('resume', first);
  await until('its next attempt', async () => ((await workers.jobs.store.get(first))?.attempts ?? 0) > 1);
  const running = await workers.jobs.store.get(first);
  if (running === null) throw new Error(`${first} is gone`);
  const changes = { epochs: 7, optimizer: { type: 'sgd', learningRate: 0.002 } };
  const { job } = await tools.successors.fork(running, { spec: checkSpec({ ...spec, ...changes }).spec, owner: 'ada' });
  const [parent, fork] = [await workers.ended(first), await workers.ended(job.id)];
  expect(parent).toMatchObject({ status: 'succeeded', result: { weightsSha256: expect.any(String) as string } });
  expect(fork).toMatchObject({ status: 'succeeded', forkOf: first, checkpoint: { epoch: 7, step: 0 } });
  expect(fork.result?.weightsSha256).not.toBe(parent.result?.weightsSha256);
  expect(await workers.epochs(job.id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  const rates = (await workers.jobs.log.epochs(job.id)).map(({ learningRate }) => learningRate);
  expect(rates.at(-1)).toBe(0.002);
  const notes = (await workers.events(job.id)).flatMap((event) => (event.event === 'log' ? [event.data.message] : []));
  expect(notes).toContainEqual(expect.stringMatching(/optimizer begins anew/));
});

test('the stored bytes of an owner include all files of the jobs, also the files from which a job started, until they are deleted', async ({
  workers,
  tools,
  redis,
}) => {
  await workers.start({ real: true, checkpointEveryMs: 50 });
  const { id } = await workers.ended(await workers.submit(spec));
  const changes = { ...spec, epochs: spec.epochs + 1 };
  const first = await workers.jobs.store.get(id);
  if (first === null) throw new Error('the job does not exist');
  const { job: fork } = await tools.successors.fork(first, { spec: checkSpec(changes).spec, owner: 'ada' });
  await workers.ended(fork.id);
  const owner = await redis.connect().hget(redisKeys(redis.prefix).job(id), 'owner');
  const quotas = new KeyQuotas({ redis: redis.connect(), prefix: redis.prefix, quotas: noQuotas, redisMaxBytes: () => null });
  const { storageBytes, trainingSeconds } = await quotas.usage(owner ?? '');
  let stored = 0;
  for (const jobId of [id, fork.id]) {
    const names = await tools.artifacts.names(jobId);
    for (const kind of [/^model/, /^checkpoint/, /^gradients/]) expect(names).toContainEqual(expect.stringMatching(kind));
    for (const name of names) stored += (await tools.artifacts.stat(jobId, name))?.bytes ?? 0;
  }
  expect(storageBytes).toBe(stored + (await storedInRedis(redis, owner ?? '')));
  expect(trainingSeconds).toBeGreaterThan(0);
  for (const jobId of [id, fork.id]) {
    await workers.jobs.store.delete(jobId);
    await tools.reservedFiles.remove(jobId);
  }
  expect(await quotas.usage(owner ?? '')).toMatchObject({ storageBytes: 0, trainingSeconds });
});
