// Runs jobs on a worker from the claim to the end, with all kinds of behaviour of the training child.
import { text } from 'node:stream/consumers';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderArtifactStore, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { createJob } from '../support/jobs.ts';
import { hasEnded, until } from './fixtures/processes.ts';
import { childOf, workerTest as test } from './fixtures/workers.ts';

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('a job', () => {
  test('is trained to its end and has a history, a result and a model', async ({ workers }) => {
    const { worker } = await workers.start();
    const jobId = await workers.create('epochs:3 save');
    const job = await workers.ended(jobId);
    expect(job).toMatchObject({
      status: 'succeeded',
      attempts: 1,
      worker: worker.name,
      error: null,
      latest: { epoch: 3 },
      result: { engineVersion: 'scripted' },
    });
    const events = await workers.events(jobId);
    expect(events.map((event) => (event.event === 'status' ? event.data.status : event.event))).toEqual([
      'queued',
      'running',
      'epoch',
      'epoch',
      'epoch',
      'succeeded',
    ]);
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3]);
    const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
    expect(await text(await artifacts.open(jobId, 'model.safetensors'))).toBe('weights');
    await artifacts.close();
  });

  test('that fails has a reason without a stack or a path', async ({ workers }) => {
    await workers.start();
    const jobId = await workers.create('epochs:1 throw');
    const job = await workers.ended(jobId);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'internal' }, result: null });
    expect(JSON.stringify([job, await workers.events(jobId)])).not.toMatch(/TypeError|\/[a-z]+\/|unfinished/);
  });

  test('whose model cannot be stored fails with the reason', async ({ workers }) => {
    await workers.start();
    const job = await workers.ended(await workers.create('epochs:1'));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'internal' } });
  });

  test.skipIf(!existsSync('/dev/full'))('that fills the disk fails with that reason', async ({ workers }) => {
    await workers.start();
    const job = await workers.ended(await workers.create('epochs:1 overflow'));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'diskFull' } });
  });

  test('continues at once when its child is killed, and has each epoch once', async ({ workers }) => {
    const worker = await workers.start();
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:2 hold:${go} epochs:3 save`);
    await workers.untilEpoch(jobId, 2);
    process.kill(await childOf(worker, jobId), 'SIGKILL');
    await childOf(worker, jobId, 2);
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(await workers.epochs(jobId)).toEqual(upTo(5));
    const logs = (await workers.events(jobId)).filter((event) => event.event === 'log').map((event) => event.data.message);
    expect(logs[0]).toMatch(/attempt 1: .*SIGKILL/);
    // The job continued without waiting for the end of its lease.
    expect(worker.logs.map(({ msg }) => msg)).not.toContainEqual(expect.stringContaining('the worker of these jobs is lost'));
  });

  test('fails when three children in a row die without an epoch, and the error names the last death', async ({ workers }) => {
    await workers.start();
    const jobId = await workers.create('kill');
    const job = await workers.ended(jobId);
    expect(job).toMatchObject({ status: 'failed', attempts: 3, error: { code: 'crashLoop' } });
    expect(job.error?.message).toMatch(/SIGKILL.*smaller/);
  });

  test('whose child runs out of memory fails with that reason', async ({ workers }) => {
    await workers.start();
    const job = await workers.ended(await workers.create('fill'));
    expect(job.error?.message).toMatch(/out of memory.*batchSize/);
  });

  test('whose process uses more memory than allowed fails at once, and the error has both numbers', async ({ workers }) => {
    await workers.start({ memoryBytes: 1e6 });
    const job = await workers.ended(await workers.create('epochs:1 hoard:600'));
    expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'outOfMemory' } });
    // The limit is 1 MB for the job and 256 MiB for the process.
    expect(job.error?.message).toMatch(/used 0\.\d\d GB of memory, and its limit is 0\.27 GB; try a smaller batchSize/);
    expect(await workers.ended(await workers.create('epochs:1 save'))).toMatchObject({ status: 'succeeded' });
  });

  test('that failed does not affect the next job of the worker', async ({ workers }) => {
    await workers.start();
    const jobs = [];
    for (const script of ['throw', 'kill', 'epochs:2 save', 'exit:1', 'epochs:3 save']) jobs.push(await workers.create(script));
    const ends = [];
    for (const jobId of jobs) ends.push((await workers.ended(jobId)).status);
    expect(ends).toEqual(['failed', 'failed', 'succeeded', 'failed', 'succeeded']);
  });

  test('runs at the same time as another job if the worker has a concurrency of two', async ({ workers }) => {
    const { worker } = await workers.start({ concurrency: 2 });
    const go = join(workers.folder, 'go');
    const jobs = [await workers.create(`epochs:1 hold:${go} save`), await workers.create(`epochs:1 hold:${go} save`)];
    await Promise.all(jobs.map((jobId) => workers.untilEpoch(jobId, 1)));
    expect(worker.jobs.toSorted()).toEqual(jobs.toSorted());
    await writeFile(go, '');
    for (const jobId of jobs) expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded' });
  });

  test('of another key starts next, however many jobs of the highest priority a busy key has', async ({ workers }) => {
    await workers.start();
    const go = join(workers.folder, 'go');
    const busy: string[] = [];
    for (let count = 0; count < 6; count++) busy.push(await workers.create(`epochs:1 hold:${go} save`, { priority: 10 }));
    await workers.untilEpoch(busy[0] ?? '', 1);
    const other = await createJob(workers.jobs, { name: 'epochs:1 save', epochs: 100 }, 'bob');
    expect(await workers.jobs.store.get(other)).toMatchObject({ queuePosition: 1 });
    await writeFile(go, '');
    const startOf = async (jobId: string): Promise<number> => Date.parse((await workers.ended(jobId)).startedAt ?? '');
    const start = await startOf(other);
    const [first, ...later] = await Promise.all(busy.map(startOf));
    expect(first).toBeLessThan(start);
    for (const each of later) expect(each).toBeGreaterThanOrEqual(start);
  });

  test('with many epochs has all epochs in order', async ({ redis, workers }) => {
    const count = redis.kind === 'embedded' ? 200 : 3_000;
    await workers.start();
    const jobId = await workers.create(`epochs:${count} save`);
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded' });
    expect(await workers.epochs(jobId)).toEqual(upTo(count));
  });
});

describe('cancelling', () => {
  test.for([
    ['that responds to the stop request', 'epochs:1 hold:nothing'],
    ['that ignores the stop request', 'epochs:1 spin'],
  ] as const)('ends an endless training %s', async ([, script], { workers }) => {
    await workers.start();
    const jobId = await workers.create(script);
    await workers.untilEpoch(jobId, 1);
    expect(await workers.jobs.store.act('cancel', jobId)).toMatchObject({ status: 'cancelling' });
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled', attempts: 1, result: null });
    expect((await workers.events(jobId)).at(-1)).toMatchObject({ event: 'status', data: { status: 'cancelled' } });
    expect(await workers.ended(await workers.create('epochs:1 save'))).toMatchObject({ status: 'succeeded' });
  });

  test('is noticed even if its message was lost', async ({ redis, workers }) => {
    await workers.start();
    const jobId = await workers.create('epochs:1 hold:nothing');
    await workers.untilEpoch(jobId, 1);
    await redis.connect().hset(redisKeys(redis.prefix).job(jobId), 'status', 'cancelling');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled' });
  });

  test('at the last moment leaves no model', async ({ redis, workers }) => {
    await workers.start();
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} save`);
    await workers.untilEpoch(jobId, 1);
    // Changes only the record, so that the worker does not know of the cancellation when the training ends.
    await Promise.all([redis.connect().hset(redisKeys(redis.prefix).job(jobId), 'status', 'cancelling'), writeFile(go, '')]);
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled', result: null });
    const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
    expect(await artifacts.stat(jobId, 'model.safetensors')).toBeNull();
    await artifacts.close();
  });

  test('prevents a queued job from running', async ({ workers }) => {
    await workers.start();
    const go = join(workers.folder, 'go');
    const first = await workers.create(`hold:${go} epochs:1 save`);
    const second = await workers.create('epochs:1 save');
    const third = await workers.create('epochs:1 save');
    expect(await workers.jobs.store.act('cancel', second)).toMatchObject({ status: 'cancelled' });
    await writeFile(go, '');
    expect(await workers.ended(first)).toMatchObject({ status: 'succeeded' });
    expect(await workers.ended(third)).toMatchObject({ status: 'succeeded' });
    expect(await workers.jobs.store.get(second)).toMatchObject({ status: 'cancelled', attempts: 0 });
  });

  test('a job for which a worker was already woken leaves this worker without work', async ({ workers }) => {
    const jobId = await workers.create('epochs:1 save');
    await workers.jobs.store.act('cancel', jobId);
    expect(await workers.jobs.queue.depths()).toMatchObject({ wait: 1 });
    await workers.start();
    await until('that the queue is empty', async () => Object.values(await workers.jobs.queue.depths()).every((count) => count === 0));
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(await workers.ended(await workers.create('epochs:1 save'))).toMatchObject({ status: 'succeeded' });
  });
});

describe('a worker', () => {
  test('leaves no process after it was closed', async ({ workers }) => {
    const { close, logs } = await workers.start({ closeGraceMs: 0 });
    const jobId = await workers.create('epochs:1 spin');
    await workers.untilEpoch(jobId, 1);
    const child = await childOf({ logs }, jobId);
    await close();
    expect(hasEnded(child)).toBe(true);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'queued', queuePosition: 1 });
  });
});
