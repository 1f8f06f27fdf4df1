// Tests POST and GET /jobs/{id}/verify on a real Redis. No worker runs: the tests write what a worker would write.
// The commands of docs/api.md let a worker train a job twice.
import { type EpochMetrics, type Job, jobSchema, jobVerification, type JobVerification, type Problem } from '@trainyard/contracts';
import { describe, expect } from 'vitest';
import { claim, createJob, metricsOf, result } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { ada, bob, make, quotaTest, root } from './fixtures/quotas.ts';

/** Trains a job as a worker does, and ends it with these weights. */
async function train(api: TestApi, id: string, epochs: readonly Partial<EpochMetrics>[] = [{}, {}], weights = 'ab'): Promise<void> {
  const attempt = await claim(api.jobs, id);
  for (const [at, metrics] of epochs.entries()) await attempt.appendEpoch({ ...metricsOf(at + 1), ...metrics });
  await attempt.finish({ status: 'succeeded', result: { ...result, weightsSha256: weights.repeat(32) } });
}

async function trained(api: TestApi): Promise<string> {
  const id = await createJob(api.jobs, { name: 'first', labels: { team: 'a' } });
  await train(api, id);
  return id;
}

const post = async (api: TestApi, id: string, headers = {}) => await api.call({ method: 'POST', url: `/jobs/${id}/verify`, headers });

async function verify(api: TestApi, id: string, headers = {}): Promise<Job> {
  const response = await post(api, id, headers);
  expect(response.statusCode, response.body).toBe(202);
  return jobSchema.parse(response.json());
}

async function verification(api: TestApi, id: string): Promise<JobVerification> {
  const response = await api.get(`/jobs/${id}/verify`);
  expect(response.statusCode, response.body).toBe(200);
  return jobVerification.parse(response.json());
}

describe('POST /jobs/{id}/verify', () => {
  test('creates a job with the same spec and seed, which says what it verifies', async ({ api }) => {
    const id = await trained(api);
    const response = await post(api, id);
    const job = jobSchema.parse(response.json());
    expect([response.statusCode, response.headers['location']]).toEqual([202, `/jobs/${job.id}`]);
    expect(job).toMatchObject({ status: 'queued', name: 'verification of first', labels: {}, verifies: id, retryOf: null, webhook: null });
    const { name: _name, labels: _labels, ...spec } = (await api.jobs.store.get(id))?.spec ?? {};
    expect(job.spec).toEqual({ ...spec, name: 'verification of first' });
    expect((await api.jobs.store.get(id))?.verifies).toBeNull();
  });

  test('gives the same job until it has ended, and then a new one', async ({ api }) => {
    const id = await trained(api);
    const first = await verify(api, id);
    expect(await verify(api, id)).toEqual(first);
    await train(api, first.id);
    const second = await verify(api, id);
    expect(second.id).not.toBe(first.id);
    expect((await verification(api, id)).job).toBe(second.id);
  });

  test('refuses a job that has not succeeded, and one that began with the checkpoint of another job', async ({ api }) => {
    const id = await createJob(api.jobs);
    const attempt = await claim(api.jobs, id);
    await api.artifacts.putBytes(id, 'checkpoint-1-1.safetensors', Buffer.from('a checkpoint'));
    await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: 12 }, 'checkpoint-1-1.safetensors');
    const running = await post(api, id);
    expect([running.statusCode, running.json<Problem>().code]).toEqual([409, 'wrongState']);
    const fork = (await api.post(`/jobs/${id}/fork`, {})).json<Job>();
    await train(api, fork.id);
    const forked = await post(api, fork.id);
    expect([forked.statusCode, forked.json<Problem>().code]).toEqual([409, 'wrongState']);
    expect(forked.json<Problem>().detail).toContain('began with the checkpoint of another job');
  });
});

describe('GET /jobs/{id}/verify', () => {
  test('says that both jobs are the same, when the epochs and the weights are, whatever time they took', async ({ api }) => {
    const id = await trained(api);
    const { id: job } = await verify(api, id);
    const open = { job, reproduced: null, firstDifferentEpoch: null };
    expect(await verification(api, id)).toEqual({ ...open, status: 'queued' });
    await train(api, job, [{ seconds: 9 }, { samplesPerSecond: 1 }]);
    expect(await verification(api, id)).toEqual({ ...open, status: 'succeeded', reproduced: true });
  });

  test('names the first epoch that differs, even before the job has ended', async ({ api }) => {
    const id = await trained(api);
    const { id: job } = await verify(api, id);
    const attempt = await claim(api.jobs, job);
    await attempt.appendEpoch(metricsOf(1));
    expect(await verification(api, id)).toMatchObject({ status: 'running', reproduced: null });
    await attempt.appendEpoch({ ...metricsOf(2), gradientNorm: 1.5 + Number.EPSILON });
    expect(await verification(api, id)).toMatchObject({ status: 'running', reproduced: false, firstDifferentEpoch: 2 });
  });

  test.for([
    ['other weights', [{}, {}], 'cd'],
    ['fewer epochs', [{}], 'ab'],
  ] as const)('says that %s are not the same', async ([, epochs, weights], { api }) => {
    const id = await trained(api);
    await train(api, (await verify(api, id)).id, epochs, weights);
    expect(await verification(api, id)).toMatchObject({ status: 'succeeded', reproduced: false, firstDifferentEpoch: null });
  });

  test('does not know the result if the other job was cancelled', async ({ api }) => {
    const id = await trained(api);
    await api.jobs.store.act('cancel', (await verify(api, id)).id);
    expect(await verification(api, id)).toMatchObject({ status: 'cancelled', reproduced: null });
  });

  test('is a 404 that says what to do, before the job was verified', async ({ api }) => {
    const id = await trained(api);
    const response = await api.get(`/jobs/${id}/verify`);
    expect([response.statusCode, response.json<Problem>().detail]).toEqual([
      404,
      `${id} has not been verified. POST /jobs/${id}/verify trains it again.`,
    ]);
  });
});

quotaTest('a key verifies its own jobs, and does not see a verification by another key', async ({ open }) => {
  const api = await open({});
  const { id } = await make(api, ada);
  await train(api, id);
  expect((await post(api, id, bob)).statusCode).toBe(404);
  await verify(api, id, root);
  expect((await api.get(`/jobs/${id}/verify`, ada)).statusCode).toBe(404);
  expect((await api.get(`/jobs/${id}/verify`, root)).statusCode).toBe(200);
});
