// A training child dies or is frozen at every moment between being taken for a job and the job's end: the job goes on in another child,
// a death that cannot be the job's fault does not count, and no file is left.
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createPrepared, openArtifacts, Remains } from '@trainyard/jobs';
import { ChildPool, TrainingChild } from '@trainyard/worker';
import { describe, expect, vi } from 'vitest';
import { FaultyS3 } from '../support/faultyS3.ts';
import { spec as anySpec } from '../support/jobs.ts';
import { storeUpload } from './fixtures/storedUpload.ts';
import { hasEnded, until } from './fixtures/processes.ts';
import { assignment, childOptions, undisturbed } from './fixtures/scripted.ts';
import { type Deaths, deathsFile } from './fixtures/workerOptions.ts';
import { childOf, workerTest, type Workers } from './fixtures/workers.ts';

const test = workerTest.extend('s3', async ({ task: _task }, { onCleanup }) => {
  const s3 = await FaultyS3.start();
  for (const [variable, value] of Object.entries(s3.env)) vi.stubEnv(variable, value);
  onCleanup(async () => {
    vi.unstubAllEnvs();
    await s3.stop();
  });
  return s3;
});

/** Makes requests for such keys wait. @returns resolves when one waits */
function silence(s3: FaultyS3, method: string, key: string): Promise<void> {
  return new Promise((resolve) => {
    s3.set((request) => {
      if (request.method !== method || !request.key.includes(key)) return undefined;
      resolve();
      return 'silence';
    });
  });
}

const bucket = { artifactsUrl: 's3://artifacts/jobs' };

async function expectWhole(workers: Workers, jobId: string, attempts: number): Promise<void> {
  expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts, error: null });
  expect(await workers.epochs(jobId)).toEqual([1, 2, 3]);
  await until('that no unfinished file is left', async () => (await workers.unfinishedFiles()).length === 0);
}

describe.each(['SIGKILL', 'SIGSTOP'] as const)('a training child that gets %s', (signal) => {
  // One that is killed needs no such limit, and a busy machine may keep the others from their heartbeats for a while.
  const frozenSoon = signal === 'SIGSTOP' ? { heartbeatTimeoutMs: 3_000 } : {};

  test('when its order arrives is replaced, and the death does not count', async ({ workers }) => {
    const deaths = join(workers.folder, deathsFile);
    await writeFile(deaths, JSON.stringify({ signal, left: 4 } satisfies Deaths));
    await workers.start({ ...frozenSoon, program: 'dyingChild.ts' });
    await expectWhole(workers, await workers.create('epochs:3 save'), 5);
    expect(JSON.parse(await readFile(deaths, 'utf8'))).toMatchObject({ left: 0 });
  });

  test('while the dataset of its job is fetched is replaced, and the death does not count', async ({ workers, redis, s3 }) => {
    const worker = await workers.start({ ...bucket, ...frozenSoon });
    const { part: dataset } = await storeUpload(redis, workers.folder);
    const waiting = silence(s3, 'GET', 'dataset.npz');
    const jobId = await workers.create('epochs:3 save', dataset);
    for (const attempt of [1, 2, 3, 4]) {
      await waiting;
      process.kill(await childOf(worker, jobId, attempt), signal);
    }
    await childOf(worker, jobId, 5);
    s3.set();
    await expectWhole(workers, jobId, 5);
  });

  test('while the initial weights of its job are fetched is replaced, and the death does not count', async ({ workers, redis, s3 }) => {
    const worker = await workers.start({ ...bucket, ...frozenSoon });
    const artifacts = await openArtifacts(bucket.artifactsUrl, join(workers.folder, 'client'));
    const remains = new Remains({ redis: redis.connect(), prefix: redis.prefix, artifacts });
    const waiting = silence(s3, 'GET', 'initial.safetensors');
    const spec = { ...anySpec, name: 'epochs:3 save', initialWeights: { job: 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' } };
    const { job } = await createPrepared({ jobs: workers.jobs.store, remains, artifacts }, { spec, owner: 'ada' }, async (jobId) => {
      await artifacts.putBytes(jobId, 'initial.safetensors', Buffer.from('weights'));
      return {};
    });
    for (const attempt of [1, 2, 3, 4]) {
      await waiting;
      process.kill(await childOf(worker, job.id, attempt), signal);
    }
    await childOf(worker, job.id, 5);
    s3.set();
    await expectWhole(workers, job.id, 5);
    await artifacts.close();
  });

  test('while it loads data is replaced, and the job can still be cancelled', async ({ workers, onTestFinished }) => {
    const waiting = Promise.withResolvers<ServerResponse>();
    const server = createServer((_request, response) => waiting.resolve(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const worker = await workers.start({
      real: true,
      ...frozenSoon,
      mirror: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    });
    const jobId = await workers.submit({
      data: { dataset: 'mnist' },
      model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
      loss: { type: 'crossEntropy' },
      optimizer: { type: 'sgd' },
      epochs: 1,
    });
    await waiting.promise;
    process.kill(await childOf(worker, jobId), signal);
    await childOf(worker, jobId, 2);
    await workers.jobs.store.requestCancel(jobId);
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled', attempts: 2 });
    await until('that the worker is free', () => worker.worker.jobs.length === 0);
  });

  test('while the checkpoint of its job is fetched is replaced, and the job resumes', async ({ workers, s3 }) => {
    const worker = await workers.start({ ...bucket, ...frozenSoon });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`resume epochs:1 checkpoint hold:${go} epochs:1 save`);
    await until('the checkpoint', async () => (await workers.jobs.store.get(jobId))?.checkpoint !== null);
    const waiting = silence(s3, 'GET', 'checkpoint-');
    process.kill(await childOf(worker, jobId), 'SIGKILL');
    await waiting;
    process.kill(await childOf(worker, jobId, 2), signal);
    await childOf(worker, jobId, 3);
    await writeFile(go, '');
    s3.set();
    await expectWhole(workers, jobId, 3);
  });

  test('while it trains is replaced', async ({ workers }) => {
    const worker = await workers.start(frozenSoon);
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} epochs:2 save`);
    await workers.untilEpoch(jobId, 1);
    process.kill(await childOf(worker, jobId), signal);
    await childOf(worker, jobId, 2);
    await writeFile(go, '');
    await expectWhole(workers, jobId, 2);
  });

  test('after it has trained costs nothing, though its model is not stored yet', async ({ workers, s3 }) => {
    const worker = await workers.start({ ...bucket, ...frozenSoon });
    const waiting = silence(s3, 'PUT', 'model.safetensors');
    const jobId = await workers.create('epochs:3 save');
    await waiting;
    const child = await childOf(worker, jobId);
    process.kill(child, signal);
    await until('the end of the child', () => hasEnded(child));
    s3.set();
    await expectWhole(workers, jobId, 1);
    expect(s3.keys).toEqual([`jobs/${jobId}/model.safetensors`]);
  });

  test('while its job is being paused or cancelled does not keep that from happening', async ({ workers }) => {
    const worker = await workers.start({ ...frozenSoon, concurrency: 2 });
    const [paused, cancelled] = [await workers.create('epochs:1 spin'), await workers.create('epochs:1 spin')];
    for (const jobId of [paused, cancelled]) await workers.untilEpoch(jobId, 1);
    await workers.jobs.store.requestPause(paused);
    await workers.jobs.store.requestCancel(cancelled);
    for (const jobId of [paused, cancelled]) process.kill(await childOf(worker, jobId), signal);
    await until('the pause', async () => (await workers.jobs.store.get(paused))?.status === 'paused');
    expect(await workers.ended(cancelled)).toMatchObject({ status: 'cancelled' });
  });

  test('while its job is handed back does not keep another worker from it', async ({ workers }) => {
    const first = await workers.spawn({ ...frozenSoon, closeGraceMs: 0 });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} epochs:2 save`);
    await workers.untilEpoch(jobId, 1);
    const child = await childOf(first, jobId);
    process.kill(child, 'SIGSTOP');
    process.kill(first.pid, 'SIGTERM');
    if (signal === 'SIGKILL') process.kill(child, signal);
    expect(await first.exited).toEqual([0, null]);
    expect(hasEnded(child)).toBe(true);
    await writeFile(go, '');
    await workers.start();
    await expectWhole(workers, jobId, 2);
  });
});

describe('a training child that dies', () => {
  test('amid the writing of a checkpoint leaves no file, however often', async ({ workers }) => {
    await workers.start();
    const job = await workers.ended(await workers.create('epochs:1 half-a-checkpoint'));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'crashLoop' } });
    await until('that no unfinished file is left', async () => (await workers.unfinishedFiles()).length === 0);
  });

  test('before it was given a job tells that the job had not begun', async () => {
    const child = await TrainingChild.start(childOptions());
    child.kill();
    const outcome = await child.train(assignment('epochs:1'), () => Promise.resolve(), undisturbed);
    expect(outcome).toMatchObject({ kind: 'died', hasStarted: false });
    await child.exited;
    expect(await child.train(assignment('epochs:1'), () => Promise.resolve(), undisturbed)).toMatchObject({
      kind: 'died',
      hasStarted: false,
    });
  });

  test('idle is not given to a job', async () => {
    const pool = new ChildPool({
      size: 1,
      start: async (signal) => await TrainingChild.start(childOptions(), signal),
      runsPerChild: 100,
      residentBytesLimit: 1e9,
      onStartError: () => {},
    });
    await until('two warm children', () => pool.idle === 2);
    const [first, second] = [await pool.acquire(new AbortController().signal), await pool.acquire(new AbortController().signal)];
    pool.release(second);
    pool.release(first);
    first.kill();
    expect(await pool.acquire(new AbortController().signal)).toBe(second);
    await pool.close();
  });
});

describe('a frozen training child', () => {
  test('is killed and named, whatever its thread does', async () => {
    const child = await TrainingChild.start(childOptions({ heartbeatTimeoutMs: 1_000 }));
    const outcome = child.train(assignment('spin'), () => Promise.resolve(), undisturbed);
    process.kill(child.pid, 'SIGSTOP');
    expect(await outcome).toMatchObject({ kind: 'died', death: { isFrozen: true, signal: 'SIGKILL' } });
  });

  test('is told from one that only computes', async () => {
    const child = await TrainingChild.start(childOptions({ heartbeatTimeoutMs: 3_000 }));
    const stop = new AbortController();
    const outcome = child.train(assignment('compute:6000'), () => Promise.resolve(), { ...undisturbed, stop: stop.signal });
    expect(await outcome).toMatchObject({ kind: 'trained' });
    child.kill();
    await child.exited;
  });
});
