// Tests how the scripts check the quotas of owners, on every kind of Redis. tests/api/quotas.test.ts tests the quotas over HTTP.
import { KeyQuotas, noQuotas, QuotaExceededError, type Quotas } from '@trainyard/jobs';
import { expect } from 'vitest';
import { claim, type Jobs, metricsOf, openJobs, result, spec } from '../../support/jobs.ts';
import { redisTest as test, type TestRedis } from '../../support/redis.ts';
import { memoryOfJobs, storedInRedis } from '../../support/storedBytes.ts';

const make = async ({ store }: Jobs, quotas: Partial<Quotas>): Promise<string> =>
  (await store.create({ spec, owner: 'ada', quotas: { ...noQuotas, ...quotas } })).job.id;

const usageOf = async (redis: TestRedis) =>
  await new KeyQuotas({ redis: redis.connect(), prefix: redis.prefix, quotas: noQuotas, redisMaxBytes: () => null }).usage('ada');

test('concurrent requests do not create more jobs than the quota allows', async ({ redis }) => {
  const processes = [openJobs(redis), openJobs(redis)];
  const makings = Array.from({ length: 6 }, async (_, index) => await make(processes[index % 2] ?? openJobs(redis), { queuedJobs: 4 }));
  const refusals = (await Promise.allSettled(makings)).flatMap((making) =>
    making.status === 'rejected' ? [making.reason as unknown] : [],
  );
  expect(refusals).toHaveLength(2);
  for (const refusal of refusals) {
    expect(refusal).toBeInstanceOf(QuotaExceededError);
    expect(refusal).toMatchObject({ quota: 'queuedJobs', message: expect.stringContaining('may have 4 jobs') as string });
  }
  expect((await usageOf(redis)).queuedJobs).toBe(4);
});

test('seconds and bytes are counted once, and bytes as long as they are stored', async ({ redis }) => {
  const jobs = openJobs(redis);
  const attempt = await claim(jobs, await make(jobs, {}));
  for (const epoch of [1, 2, 2]) await attempt.appendEpoch(metricsOf(epoch));
  for (const bytes of [30, 20]) await attempt.storeCheckpoint({ epoch: 2, step: 0, bytes }, `checkpoint-1-${bytes}.safetensors`);
  for (const bytes of [3, 5]) await attempt.countFile('gradients-1-2.jsonl', bytes);
  await attempt.countFile('evaluation-1-2.jsonl', 7);
  await attempt.finish({ status: 'succeeded', result, modelBytes: 12 });
  // A stale worker has stored a file, which counts too.
  await attempt.countFile('evaluation-1-1.jsonl', 1);
  const { secondsUntilReset, ...usage } = await usageOf(redis);
  const storageBytes = 45 + (await storedInRedis(redis));
  expect(usage).toEqual({ queuedJobs: 0, storageBytes, redisBytes: await memoryOfJobs(redis), trainingSeconds: 0.5 });
  expect(secondsUntilReset).toBeGreaterThan(0);
  expect(secondsUntilReset).toBeLessThanOrEqual(86_400);
  await expect(make(jobs, { trainingSeconds: 0.5 })).rejects.toMatchObject({
    quota: 'trainingSeconds',
    message: expect.stringContaining('trained for 0.5') as string,
  });
  await expect(make(jobs, { storageBytes })).rejects.toMatchObject({ quota: 'storageBytes', retryAfterSeconds: 0 });
  await make(jobs, { storageBytes: 2 * storageBytes, trainingSeconds: 0.6, queuedJobs: 1 });
  await jobs.store.delete(attempt.jobId);
  await attempt.countFile('evaluation-1-1.jsonl', 1);
  expect(await usageOf(redis)).toMatchObject({ queuedJobs: 1, storageBytes: await storedInRedis(redis), trainingSeconds: 0.5 });
});
