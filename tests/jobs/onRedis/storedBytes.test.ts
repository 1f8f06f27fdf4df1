// Tests the bytes that count for an owner's storage and share of Redis. After any sequence of actions they equal the bytes of the jobs and
// sweeps that exist.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator } from '@trainyard/engine';
import {
  FolderArtifactStore,
  type JobAttempt,
  KeyQuotas,
  noQuotas,
  redisKeys,
  ReservedFiles,
  Successors,
  type SweepPlan,
  SweepStore,
  type Usage,
} from '@trainyard/jobs';
import { expect } from 'vitest';
import { appendLine, claim, createJob, metricsOf, openJobs, result, spec, startJob } from '../../support/jobs.ts';
import { redisTest, type TestRedis } from '../../support/redis.ts';
import { memoryOfJobs, storedInRedis } from '../../support/storedBytes.ts';

const test = redisTest.extend('artifacts', async ({ task: _task }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-stored-'));
  const artifacts = await FolderArtifactStore.open(folder);
  onCleanup(async () => {
    await artifacts.close();
    await rm(folder, { recursive: true });
  });
  return artifacts;
});

const plan: SweepPlan = {
  owner: 'ada',
  name: null,
  labels: {},
  spec,
  space: { '/name': { type: 'choice', values: ['ß'] } },
  strategy: { type: 'grid' },
  metric: 'trainLoss',
  goal: 'minimize',
  seed: 0,
  trials: [],
};

async function usageOf(redis: TestRedis): Promise<Usage> {
  return await new KeyQuotas({ redis: redis.connect(), prefix: redis.prefix, quotas: noQuotas, redisMaxBytes: () => null }).usage('ada');
}

async function counted(redis: TestRedis): Promise<number> {
  return (await usageOf(redis)).storageBytes;
}

/** Makes the job's log full, as if it had 10,000 events. From now on each new log event removes the oldest one. */
async function fillLog(redis: TestRedis, jobId: string): Promise<void> {
  await redis.connect().hset(redisKeys(redis.prefix).job(jobId), 'logs', 10_000, 'logsNotice', '0-1');
}

test('the bytes counted are those of a recount after any sequence of actions', async ({ redis, artifacts }) => {
  const jobs = openJobs(redis);
  const options = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const reservedFiles = new ReservedFiles(options);
  const successors = new Successors({ ...options, jobs: jobs.store, eventLog: jobs.log, reservedFiles });
  const sweeps = new SweepStore(options);
  const seed = Math.floor(Math.random() * 2 ** 32);
  const draws = new Generator(seed);
  const pick = <T>(list: readonly T[]): T | undefined => list[draws.random() % Math.max(1, list.length)];
  /** The sizes of the files of each job. The test records them to compute the expected bytes. */
  const files = new Map<string, Map<string, number>>();
  const running = new Map<string, { readonly attempt: JobAttempt; epoch: number }>();
  const ended: string[] = [];
  const sweepIds: string[] = [];
  let checkpoints = 0;
  const begin = async (jobId: string): Promise<void> => {
    running.set(jobId, { attempt: await claim(jobs, jobId), epoch: 0 });
    files.set(jobId, new Map());
    if (draws.random() % 2 === 0) await fillLog(redis, jobId);
  };
  const end = (jobId: string): void => {
    running.delete(jobId);
    ended.push(jobId);
  };

  const actions: readonly (() => Promise<unknown>)[] = [
    async () => await begin(await createJob(jobs, { name: 'é'.repeat(draws.random() % 50) })),
    async () => {
      const one = pick([...running.values()]);
      if (one !== undefined) await one.attempt.appendEpoch(metricsOf(++one.epoch));
    },
    async () => {
      const one = pick([...running.values()]);
      if (one !== undefined) await appendLine(one.attempt, 'info', 'ü'.repeat(draws.random() % 100));
    },
    async () => {
      const one = pick([...running.values()]);
      if (one === undefined || one.epoch === 0) return;
      const [file, bytes] = [`checkpoint-${one.attempt.number}-${++checkpoints}.safetensors`, draws.random() % 1_000];
      await artifacts.putBytes(one.attempt.jobId, file, Buffer.alloc(bytes));
      await one.attempt.storeCheckpoint({ epoch: one.epoch, step: 0, bytes }, file);
      files.set(one.attempt.jobId, new Map([['checkpoint', bytes]]));
    },
    async () => {
      const one = pick([...running.values()]);
      if (one === undefined) return;
      await one.attempt.finish({ status: 'succeeded', result, modelBytes: 77 });
      files.get(one.attempt.jobId)?.set('model', 77);
      end(one.attempt.jobId);
    },
    async () => {
      const from = await jobs.store.get(pick(ended) ?? '');
      if (from?.checkpoint == null) return;
      const { job } = await successors.fork(from, { spec: from.spec, owner: 'ada' });
      await jobs.store.act('cancel', job.id);
      files.set(job.id, new Map([['checkpoint', from.checkpoint.bytes]]));
      end(job.id);
    },
    async () => {
      const jobId = pick(ended);
      if (jobId === undefined) return;
      await jobs.store.delete(jobId);
      files.delete(jobId);
      ended.splice(ended.indexOf(jobId), 1);
    },
    async () => {
      const trial = { values: { '/name': 'ß' }, changes: [[['name'], 'ß']] as const, epochs: 1, specBytes: 1 };
      const { id } = await sweeps.create({ ...plan, trials: [trial] });
      sweepIds.push(id);
    },
    async () => {
      const record = await sweeps.get(sweepIds.pop() ?? '');
      if (record === null) return;
      await sweeps.end(record, 'cancelled');
      expect(await sweeps.delete(record)).toBe('deleted');
    },
  ];
  for (let turn = 0; turn < 120; turn++) {
    await pick(actions)?.();
    if (turn % 10 !== 9) continue;
    const kept = [...files.values()].flatMap((sizes) => [...sizes.values()]).reduce((sum, size) => sum + size, 0);
    const { storageBytes, redisBytes } = await usageOf(redis);
    expect(storageBytes, `seed ${seed}, turn ${turn}`).toBe(kept + (await storedInRedis(redis)));
    const ofSweeps = await Promise.all(
      sweepIds.map(async (id) => await options.redis.hget(redisKeys(redis.prefix).sweep(id), 'storedBytes')),
    );
    const memory = ofSweeps.reduce((sum, bytes) => sum + 8_192 + Number(bytes), await memoryOfJobs(redis));
    expect(redisBytes, `seed ${seed}, turn ${turn}`).toBe(memory);
  }
});

test('bytes that version 0.1.0 did not count are never subtracted', async ({ redis }) => {
  const jobs = openJobs(redis);
  const attempt = await startJob(jobs);
  for (let count = 0; count < 5; count++) await appendLine(attempt, 'info', 'x'.repeat(1_000));
  const keys = redisKeys(redis.prefix);
  await redis.connect().del(keys.files(attempt.jobId), keys.usage('ada'));
  await fillLog(redis, attempt.jobId);
  for (let count = 0; count < 3; count++) {
    await appendLine(attempt, 'info', 'short');
    expect(await counted(redis)).toBeGreaterThanOrEqual(0);
  }
  await jobs.store.act('cancel', attempt.jobId);
  await attempt.finish({ status: 'cancelled' });
  await jobs.store.delete(attempt.jobId);
  expect(await counted(redis)).toBe(0);
});
