// Cancel, pause, resume and delete over HTTP, on a real Redis. What each does in every status is in tests/jobs/onRedis/actions.test.ts.
import { type Job, jobPage, jobSchema, type Problem } from '@trainyard/contracts';
import { parseApiKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, result } from '../support/jobs.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';

const unknownJob = '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';

async function create(api: TestApi): Promise<Job> {
  const response = await api.post('/jobs', tutorial);
  expect(response.statusCode).toBe(202);
  return jobSchema.parse(response.json());
}

const act = async (api: TestApi, id: string, action: string) => await api.call({ method: 'POST', url: `/jobs/${id}/${action}` });
const remove = async (api: TestApi, id: string) => await api.call({ method: 'DELETE', url: `/jobs/${id}` });

describe('POST /jobs/{id}/cancel', () => {
  test('cancels a queued job at once, and repeating it changes nothing', async ({ api }) => {
    const { id } = await create(api);
    const first = await api.call({ method: 'POST', url: `/jobs/${id}/cancel` });
    expect(first.statusCode).toBe(202);
    expect(jobSchema.parse(first.json())).toMatchObject({ id, status: 'cancelled' });
    const again = await api.call({ method: 'POST', url: `/jobs/${id}/cancel` });
    expect(again.statusCode).toBe(202);
    expect(again.json()).toEqual(first.json());
  });

  test('asks the worker of a running job, and takes an empty object as a body', async ({ api }) => {
    const { id } = await create(api);
    await claim(api.jobs, id);
    const response = await api.post(`/jobs/${id}/cancel`, {});
    expect(response.statusCode).toBe(202);
    expect(response.json()).toMatchObject({ status: 'cancelling' });
  });

  test('is refused with 409 once the job has ended another way', async ({ api }) => {
    const { id } = await create(api);
    await (await claim(api.jobs, id)).finish({ status: 'succeeded', result });
    const response = await api.call({ method: 'POST', url: `/jobs/${id}/cancel` });
    expect(response.statusCode).toBe(409);
    const { code, detail } = response.json<Problem>();
    expect(code).toBe('wrongState');
    expect(detail).toMatch(/succeeded/);
  });

  test('has no fields', async ({ api }) => {
    const { id } = await create(api);
    const response = await api.post(`/jobs/${id}/cancel`, { reason: 'tired' });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/reason', code: 'unknownField' }]);
  });

  test('answers 404 for a job that is not there', async ({ api }) => {
    expect((await api.call({ method: 'POST', url: `${unknownJob}/cancel` })).statusCode).toBe(404);
  });
});

describe('POST /jobs/{id}/pause and /resume', () => {
  test('take a queued job out of the queue and put it back, and repeating either changes nothing', async ({ api }) => {
    const { id } = await create(api);
    const paused = await act(api, id, 'pause');
    expect(paused.statusCode).toBe(202);
    expect(jobSchema.parse(paused.json())).toMatchObject({ id, status: 'paused', queuePosition: null });
    expect((await act(api, id, 'pause')).json()).toEqual(paused.json());
    const resumed = await act(api, id, 'resume');
    expect(resumed.statusCode).toBe(202);
    expect(jobSchema.parse(resumed.json())).toMatchObject({ id, status: 'queued', queuePosition: 1 });
    expect((await act(api, id, 'resume')).json()).toEqual(resumed.json());
    expect((await claim(api.jobs, id)).number).toBe(1);
  });

  test('ask the worker of a running job to pause it', async ({ api }) => {
    const { id } = await create(api);
    const attempt = await claim(api.jobs, id);
    expect((await act(api, id, 'pause')).json()).toMatchObject({ status: 'pausing' });
    await attempt.release();
    expect((await api.get(`/jobs/${id}`)).json()).toMatchObject({ status: 'paused' });
  });

  test.for(['pause', 'resume'])('%s is refused with 409 once the job has ended', async (action, { api }) => {
    const { id } = await create(api);
    await (await claim(api.jobs, id)).finish({ status: 'succeeded', result });
    const response = await act(api, id, action);
    expect(response.statusCode).toBe(409);
    expect(response.json<Problem>()).toMatchObject({ code: 'wrongState', detail: expect.stringMatching(/succeeded/) as string });
  });

  test('resume is refused with 409 for a job that was never paused', async ({ api }) => {
    const { id } = await create(api);
    expect((await act(api, id, 'resume')).statusCode).toBe(409);
  });

  test.for(['pause', 'resume'])('%s has no fields, and answers 404 for a job that is not there', async (action, { api }) => {
    const { id } = await create(api);
    const response = await api.post(`/jobs/${id}/${action}`, { reason: 'tired' });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/reason', code: 'unknownField' }]);
    expect((await api.call({ method: 'POST', url: `${unknownJob}/${action}` })).statusCode).toBe(404);
  });
});

describe('DELETE /jobs/{id}', () => {
  test('removes a finished job with its events and its files', async ({ api, redis }) => {
    const { id } = await create(api);
    await (await claim(api.jobs, id)).finish({ status: 'succeeded', result });
    await api.artifacts.putBytes(id, 'model.safetensors', Buffer.from('weights'));
    const response = await remove(api, id);
    expect([response.statusCode, response.body]).toEqual([204, '']);
    expect((await api.get(`/jobs/${id}`)).statusCode).toBe(404);
    expect((await remove(api, id)).statusCode).toBe(404);
    expect(jobPage.parse((await api.get('/jobs')).json()).data).toEqual([]);
    expect(await api.artifacts.names(id)).toEqual([]);
    expect(await redis.connect().keys(`*${id}*`)).toEqual([]);
    expect(await redis.connect().exists(redisKeys(redis.prefix).reservedFiles)).toBe(0);
  });

  test('removes the idempotency key of the job, so that it does not remain in Redis', async ({ api, redis }) => {
    const remembered = async (): Promise<number> => (await redis.connect('api').keys(redisKeys(redis.prefix).idempotency('*'))).length;
    const key = { 'idempotency-key': 'once' };
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      const { id } = (await api.post('/jobs', tutorial, key)).json<Job>();
      ids.push(id);
      expect(await remembered()).toBe(1);
      await act(api, id, 'cancel');
      expect((await remove(api, id)).statusCode).toBe(204);
      expect(await remembered()).toBe(0);
    }
    expect(new Set(ids).size).toBe(3);
  });

  test('removes files later, where a crash came between', async ({ api }) => {
    const { id } = await create(api);
    await api.jobs.store.act('cancel', id);
    await api.artifacts.putBytes(id, 'checkpoint-1-1.safetensors', Buffer.from('weights'));
    // All that the route does before a crash.
    await api.jobs.store.delete(id);
    expect(await api.artifacts.names(id)).not.toEqual([]);
    expect(await api.reservedFiles.sweep()).toBe(1);
    expect(await api.artifacts.names(id)).toEqual([]);
    expect(await api.reservedFiles.sweep()).toBe(0);
  });

  test.for(['queued', 'running', 'paused'] as const)('is refused with 409 for a job that is %s', async (status, { api }) => {
    const { id } = await create(api);
    if (status === 'running') await claim(api.jobs, id);
    if (status === 'paused') await act(api, id, 'pause');
    const response = await remove(api, id);
    expect(response.statusCode).toBe(409);
    expect(response.json<Problem>()).toMatchObject({ code: 'wrongState', detail: expect.stringContaining(status) as string });
    expect((await api.get(`/jobs/${id}`)).json()).toMatchObject({ status });
  });

  test('answers 404 for an id that cannot be one, and 422 for parameters', async ({ api }) => {
    expect((await remove(api, 'job_1')).statusCode).toBe(404);
    const { id } = await create(api);
    expect((await api.call({ method: 'DELETE', url: `/jobs/${id}?force=true` })).statusCode).toBe(422);
  });
});

test("another key's job is a 404 to every action, and stays as it is", async ({ redis, onTestFinished }) => {
  const [ada, bob] = [makeKey('ada'), makeKey('bob')];
  const api = await openApi(redis, { apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
  onTestFinished(async () => await api.close());
  const { id } = jobSchema.parse((await api.post('/jobs', tutorial, bearer(ada))).json());
  for (const action of ['cancel', 'pause', 'resume', 'retry', 'fork']) {
    expect((await api.call({ method: 'POST', url: `/jobs/${id}/${action}`, headers: bearer(bob) })).statusCode, action).toBe(404);
  }
  expect((await api.call({ method: 'DELETE', url: `/jobs/${id}`, headers: bearer(bob) })).statusCode).toBe(404);
  expect((await api.get(`/jobs/${id}`, bearer(ada))).json()).toMatchObject({ status: 'queued' });
});
