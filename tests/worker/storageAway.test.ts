// The artifact storage fails at every stage of a job: it refuses requests, breaks connections, does not respond or is full. The job is only
// delayed.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Fault, FaultyS3 } from '../support/faultyS3.ts';
import { until } from './fixtures/processes.ts';
import { bucket, faultyS3Test as test } from './fixtures/s3.ts';
import { storeUpload } from './fixtures/storedUpload.ts';

const refusals: readonly (readonly [string, Fault])[] = [
  ['closes the connection', 'refuse'],
  ['says SlowDown', { status: 503, code: 'SlowDown' }],
  ['fails inside', { status: 500, code: 'InternalError' }],
  ['denies access', { status: 403, code: 'AccessDenied' }],
  ['reports a missing bucket', { status: 404, code: 'NoSuchBucket' }],
];

/** Makes the first `count` requests fail that have this method and whose key contains `key`. Later requests succeed. */
function fail(s3: FaultyS3, method: string, key: string, fault: Fault, count: number): void {
  let left = count;
  s3.set((request) => (request.method === method && request.key.includes(key) && left-- > 0 ? fault : undefined));
}

/** Makes all requests fail whose key contains `key`, until the test changes the faults. */
function failAll(s3: FaultyS3, key: string, fault: Fault = 'refuse'): void {
  s3.set((request) => (request.key.includes(key) ? fault : undefined));
}

const outageLines = [expect.stringMatching(/^warn: the storage is not available, retrying: /), 'info: the storage is available again'];

describe('a storage that', () => {
  test.for([...refusals, ['sends half of a file', 'cut'], ['sends other bytes', 'corrupt']] as const)(
    '%s when the dataset is fetched delays the job, and the job logs this once',
    async ([, fault], { workers, redis, s3 }) => {
      const { part: dataset } = await storeUpload(redis, workers.folder);
      fail(s3, 'GET', 'dataset.npz', fault, 3);
      await workers.start(bucket);
      const jobId = await workers.create('epochs:2 save', dataset);
      expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(await workers.logLines(jobId)).toEqual(fault === 'corrupt' ? [] : outageLines);
    },
  );

  test.for([...refusals, ['loses bytes', { status: 400, code: 'BadDigest' }]] as const)(
    '%s when the model is stored does not fail a trained job',
    async ([, fault], { workers, s3 }) => {
      await workers.start(bucket);
      fail(s3, 'PUT', 'model.safetensors', fault, 5);
      const jobId = await workers.create('epochs:2 save');
      expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(await workers.logLines(jobId)).toEqual(outageLines);
      expect(s3.keys).toEqual([`jobs/${jobId}/model.safetensors`]);
    },
  );

  test('refuses checkpoints does not delay epochs, and later gets only the newest checkpoint', async ({ workers, s3 }) => {
    await workers.start(bucket);
    failAll(s3, 'checkpoint-');
    const go = join(workers.folder, 'go');
    const script = `${'epochs:1 checkpoint '.repeat(6)}hold:${go} epochs:1 save`;
    const jobId = await workers.create(script);
    await workers.untilEpoch(jobId, 6);
    // At most two files remain: the checkpoint that is being uploaded and the newest checkpoint.
    await until('the removal of older checkpoints', async () => (await workers.unfinishedFiles()).length <= 2);
    await until('a log line about the outage', async () => (await workers.logLines(jobId)).length > 0);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'running', attempts: 1, checkpoint: null });
    s3.set();
    await until('the newest checkpoint', async () => (await workers.jobs.store.get(jobId))?.checkpoint?.epoch === 6);
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.logLines(jobId)).toEqual(outageLines);
    await until('that one checkpoint and the model are left', () => s3.keys.length === 2);
    await until('that no unfinished file is left', async () => (await workers.unfinishedFiles()).length === 0);
  });

  test('first refuses a checkpoint and then accepts another counts as available again, and the job logs this', async ({ workers, s3 }) => {
    await workers.start(bucket);
    let refused: string | undefined;
    s3.set(({ method, key }) => {
      if (method === 'PUT' && key.includes('checkpoint-')) refused ??= key;
      return key === refused ? 'refuse' : undefined;
    });
    const [second, end] = [join(workers.folder, 'second'), join(workers.folder, 'end')];
    const jobId = await workers.create(`epochs:1 checkpoint hold:${second} epochs:1 checkpoint hold:${end} epochs:1 save`);
    await until('a log line about the outage of the storage', async () => (await workers.logLines(jobId)).length > 0);
    await writeFile(second, '');
    await until('the second checkpoint', async () => (await workers.jobs.store.get(jobId))?.checkpoint?.epoch === 2);
    await writeFile(end, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.logLines(jobId)).toEqual(outageLines);
  });

  test('refuses gradients for some time gets all of them later, and each epoch has one gradients event', async ({ workers, s3 }) => {
    await workers.start({ ...bucket, real: true });
    failAll(s3, 'gradients-', { status: 503, code: 'SlowDown' });
    const jobId = await workers.submit({
      seed: 1,
      data: { dataset: 'digits', trainLimit: 200, testLimit: 20 },
      model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
      loss: { type: 'crossEntropy' },
      optimizer: { type: 'sgd', learningRate: 0.1 },
      epochs: 4,
    });
    await workers.untilEpoch(jobId, 4);
    await until('a log line about the outage', async () => (await workers.logLines(jobId)).length > 0);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'running' });
    s3.set();
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    const epochs = (await workers.events(jobId)).flatMap((event) => (event.event === 'gradients' ? [event.data.epoch] : []));
    expect(epochs).toEqual([1, 2, 3, 4]);
  });

  test.for(['refuse', 'silence'] as const)(
    'fails (%s) does not prevent a job from being paused or cancelled',
    async (fault, { workers, redis, s3 }) => {
      const { logs } = await workers.start({ ...bucket, concurrency: 4 });
      const { part: dataset } = await storeUpload(redis, workers.folder);
      failAll(s3, '', fault);
      const before = s3.requests.length;
      const loading = [await workers.create('epochs:2 save', dataset), await workers.create('epochs:2 save', dataset)];
      const trained = [await workers.create('epochs:2 save'), await workers.create('epochs:2 save')];
      for (const jobId of trained) await workers.untilEpoch(jobId, 2);
      const awaited = ['dataset.npz', ...trained.map((jobId) => `${jobId}/model.safetensors`)];
      const failed = () => s3.requests.slice(before);
      await until('that the dataset and both models wait', () => awaited.every((part) => failed().some(({ key }) => key.includes(part))));
      for (const [paused = '', cancelled = ''] of [loading, trained]) {
        await workers.jobs.store.act('pause', paused);
        await workers.jobs.store.act('cancel', cancelled);
        expect(await workers.ended(cancelled)).toMatchObject({ status: 'cancelled', attempts: 1 });
        await until('the pause', async () => (await workers.jobs.store.get(paused))?.status === 'paused');
      }
      expect(logs.filter(({ level }) => level >= 50)).toEqual([]);
      s3.set();
      for (const [paused = ''] of [loading, trained]) {
        await workers.jobs.store.act('resume', paused);
        expect(await workers.ended(paused)).toMatchObject({ status: 'succeeded', attempts: 2 });
      }
      expect(s3.keys.filter((key) => key.includes('model')).length).toBe(2);
    },
  );

  test('is unavailable when the worker is stopped does not delay the stop, and another worker continues', async ({
    workers,
    redis,
    s3,
  }) => {
    const first = await workers.spawn({ ...bucket, concurrency: 2, closeGraceMs: 100 });
    const { part: dataset } = await storeUpload(redis, workers.folder);
    failAll(s3, '');
    const jobIds = [await workers.create('epochs:2 save', dataset), await workers.create('epochs:2 save')];
    await workers.untilEpoch(jobIds[1] ?? '', 2);
    for (const jobId of jobIds) await until('that the job waits', async () => (await workers.logLines(jobId)).length > 0);
    process.kill(first.pid, 'SIGTERM');
    expect(await first.exited).toEqual([0, null]);
    for (const jobId of jobIds) expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'queued' });
    s3.set();
    await workers.start(bucket);
    for (const jobId of jobIds) {
      expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 2 });
      expect(await workers.epochs(jobId)).toEqual([1, 2]);
    }
  });

  test('is unavailable when a worker starts does not prevent the start', async ({ workers, s3 }) => {
    failAll(s3, '', 'silence');
    await workers.start(bucket);
    s3.set();
    expect(await workers.ended(await workers.create('epochs:1 save'))).toMatchObject({ status: 'succeeded' });
  });
});

test('a model that is larger than the storage allows fails the job, and the error says so', async ({ workers, s3 }) => {
  await workers.start(bucket);
  s3.set(({ method, key }) => (method === 'PUT' && key.includes('model') ? { status: 400, code: 'EntityTooLarge' } : undefined));
  const job = await workers.ended(await workers.create('epochs:2 save'));
  expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'artifactTooLarge' } });
  expect(job.error?.message).toMatch(/larger than the S3 storage allows \(EntityTooLarge\): raise its limit/);
});

test('a job whose checkpoints are larger than the storage allows succeeds without them, and its log says so once', async ({
  workers,
  s3,
}) => {
  await workers.start(bucket);
  s3.set(({ key }) => (key.includes('checkpoint-') ? { status: 413, code: 'RequestTooLarge' } : undefined));
  const jobId = await workers.create('epochs:1 checkpoint taken epochs:1 checkpoint taken epochs:1 save');
  expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1, checkpoint: null });
  expect(await workers.logLines(jobId)).toEqual([
    expect.stringMatching(/^warn: a checkpoint could not be stored, .*larger than the S3 storage/),
  ]);
});

test('a job waits if its credentials have no permission to list files, and its log names the missing permission', async ({
  workers,
  redis,
  s3,
}) => {
  const { part: dataset } = await storeUpload(redis, workers.folder);
  failAll(s3, 'dataset.npz', { status: 403, code: 'AccessDenied' });
  await workers.start(bucket);
  const jobId = await workers.create('epochs:1 save', dataset);
  await until('a log line about the missing permission', async () => (await workers.logLines(jobId)).length > 0);
  expect(await workers.logLines(jobId)).toEqual([expect.stringMatching(/status 403\): they need .*s3:ListBucket on the bucket$/)]);
  s3.set();
  expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
});

test('a damaged artifact does not count as an outage of the storage: the job fails and says what to do', async ({ workers, redis, s3 }) => {
  const { part: dataset } = await storeUpload(redis, workers.folder);
  s3.set(({ method, key }) => (method === 'GET' && key.includes('dataset') ? 'corrupt' : undefined));
  await workers.start(bucket);
  const job = await workers.ended(await workers.create('epochs:1 save', dataset));
  expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'datasetUnavailable' } });
  expect(job.error?.message).toMatch(/damaged: upload it again/);
});
