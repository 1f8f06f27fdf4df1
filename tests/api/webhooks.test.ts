// Webhooks, from the job's spec to a real receiver that checks the signature with the library of Standard Webhooks.
import { type Job, jobSchema, type Problem } from '@trainyard/contracts';
import { parseApiKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { type Receiver, verified } from './fixtures/receiver.ts';
import { tutorial } from './fixtures/spec.ts';
import { get, jobSecret, policy, post, serviceSecret, statusBecomes, succeed, webhookTest as test } from './fixtures/webhooks.ts';

describe('a webhook', () => {
  test('is sent for each of many jobs that ended while nobody sent', async ({ redis, stage: { api, send, receive } }) => {
    const receiver = await receive();
    const jobs = await Promise.all(Array.from({ length: 130 }, async () => await post(api, { url: receiver.url })));
    await Promise.all(jobs.map(async (job) => await succeed(api, job)));
    const ended = async () => await redis.connect().zcard(redisKeys(redis.prefix).ended);
    expect(await ended()).toBe(130);
    send();
    await until(() => receiver.received.length === 130);
    await until(async () => (await ended()) === 0);
    const told = receiver.received.map((message) => verified(message, serviceSecret) as { readonly data: { readonly id: string } });
    expect(told.map(({ data }) => data.id).toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
  });

  test("tells of a job's end, thinly, signed with the job's secret", async ({ stage: { api, send, receive } }) => {
    send();
    const receiver = await receive();
    const job = await post(api, { url: receiver.url, secret: jobSecret });
    expect(job.webhook).toEqual({ url: receiver.url, status: 'waiting', attempts: 0, lastAttemptAt: null, error: null });
    await succeed(api, job);
    await statusBecomes(api, job, 'delivered');
    const [first] = receiver.received;
    const { finishedAt, webhook } = await get(api, job.id);
    expect(first && verified(first, jobSecret)).toEqual({ type: 'job.succeeded', timestamp: finishedAt, data: { id: job.id } });
    expect(() => first && verified(first, serviceSecret)).toThrow();
    expect(webhook).toMatchObject({ status: 'delivered', attempts: 1, error: null });
    expect(receiver.received).toHaveLength(1);
  });

  test("is signed with the service's secret where the job has none, and tells of a failure and a cancellation too", async ({
    stage: { api, send, receive },
  }) => {
    send();
    const receiver = await receive();
    const [failed, cancelled] = [await post(api, { url: receiver.url }), await post(api, { url: receiver.url })];
    const error = { code: 'outOfMemory', message: 'too big', epoch: null, step: null };
    await (await claim(api.jobs, failed.id)).finish({ status: 'failed', error });
    await api.post(`/jobs/${cancelled.id}/cancel`, {});
    await until(() => receiver.received.length === 2);
    const told = receiver.received.map((each) => verified(each, serviceSecret) as { type: string; data: { id: string } });
    expect(new Map(told.map(({ type, data }) => [data.id, type]))).toEqual(
      new Map([
        [failed.id, 'job.failed'],
        [cancelled.id, 'job.cancelled'],
      ]),
    );
  });

  test('never shows its secret, not in answers nor among the files', async ({ stage: { api, receive } }) => {
    const receiver = await receive();
    const job = await post(api, { url: receiver.url, secret: jobSecret });
    const bodies = [`/jobs/${job.id}`, '/jobs', `/jobs/${job.id}/artifacts/spec.json`, `/jobs/${job.id}/artifacts/train.py`];
    for (const url of bodies) {
      const { statusCode, body } = await api.get(url);
      expect([url, statusCode]).toEqual([url, 200]);
      expect(body).not.toContain(jobSecret.slice('whsec_'.length));
    }
    expect(job.spec).not.toHaveProperty('webhook');
  });

  test('is sent again until its receiver takes it, with one id', async ({ stage: { api, send, receive } }) => {
    send();
    const receiver = await receive((response, index) => {
      response.writeHead(index < 2 ? 500 : 200).end('x'.repeat(100_000));
    });
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    await statusBecomes(api, job, 'delivered');
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect((await get(api, job.id)).webhook).toMatchObject({ attempts: 3, error: null });
  });

  test('that nobody takes is given up, and says why', async ({ stage: { api, send, receive } }) => {
    send({ firstPauseMs: 0 });
    const receiver = await receive((response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    await statusBecomes(api, job, 'failed');
    expect(receiver.received).toHaveLength(10);
    expect((await get(api, job.id)).webhook?.error).toBe('its receiver answered 302; redirects are not followed');
  });

  test('does not wait for a receiver that never answers, and its job does not either', async ({ stage: { api, send, receive } }) => {
    send({ timeoutMs: 50 });
    const receiver = await receive(() => undefined);
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    expect((await get(api, job.id)).status).toBe('succeeded');
    await until(async () => (await get(api, job.id)).webhook?.error === 'its receiver did not answer in time');
  });

  test('ends for good where its receiver says 410, also for the next job, until somebody asks anew', async ({
    stage: { api, send, receive },
  }) => {
    send();
    const receiver = await receive((response, index) => {
      response.writeHead(index === 0 ? 410 : 204).end();
    });
    const [first, second] = [await post(api, { url: receiver.url }), await post(api, { url: receiver.url })];
    await succeed(api, first);
    await statusBecomes(api, first, 'disabled');
    await succeed(api, second);
    await statusBecomes(api, second, 'disabled');
    expect(receiver.received).toHaveLength(1);
    expect((await api.post(`/jobs/${second.id}/webhook/redeliver`, undefined)).statusCode).toBe(202);
    await statusBecomes(api, second, 'delivered');
    expect(receiver.received).toHaveLength(2);
  });

  test('of a job that ended while nobody sent is sent when somebody does', async ({ stage: { api, send, receive }, redis }) => {
    const receiver = await receive();
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    expect(await redis.connect().zscore(redisKeys(redis.prefix).ended, job.id)).not.toBeNull();
    expect((await get(api, job.id)).webhook?.status).toBe('pending');
    send();
    await statusBecomes(api, job, 'delivered');
    expect(await redis.connect().zcard(redisKeys(redis.prefix).ended)).toBe(0);
  });

  test('goes over to the retry of its job', async ({ stage: { api, send, receive } }) => {
    send();
    const receiver = await receive();
    const job = await post(api, { url: receiver.url, secret: jobSecret });
    await api.post(`/jobs/${job.id}/cancel`, {});
    const retried = await api.post(`/jobs/${job.id}/retry`, {});
    const again = retried.json<Job>();
    expect([retried.statusCode, again.webhook?.status]).toEqual([202, 'waiting']);
    await succeed(api, again);
    await statusBecomes(api, again, 'delivered');
    const told = receiver.received.map((each) => (verified(each, jobSecret) as { data: { id: string } }).data.id);
    expect(new Set(told)).toEqual(new Set([job.id, again.id]));
  });

  test('goes over to a fork of its job, unless that has another one or none', async ({ stage: { api, send, receive } }) => {
    send();
    const [receiver, other] = [await receive(), await receive()];
    const job = await post(api, { url: receiver.url, secret: jobSecret });
    const attempt = await claim(api.jobs, job.id);
    await api.artifacts.putBytes(job.id, 'checkpoint-1-1.safetensors', Buffer.from('a checkpoint'));
    await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: 12 }, 'checkpoint-1-1.safetensors');
    const fork = async (changes: object): Promise<Job> => {
      const response = await api.post(`/jobs/${job.id}/fork`, changes);
      expect(response.statusCode, response.body).toBe(202);
      expect(response.body).not.toContain(jobSecret.slice('whsec_'.length));
      return jobSchema.parse(response.json());
    };
    const inheriting = await fork({ epochs: 30 });
    const changing = await fork({ webhook: { url: other.url } });
    const without = await fork({ webhook: null });
    expect([inheriting, changing, without].map(({ webhook }) => webhook?.url)).toEqual([receiver.url, other.url, undefined]);
    for (const each of [inheriting, changing, without]) await succeed(api, each);
    await statusBecomes(api, inheriting, 'delivered');
    await statusBecomes(api, changing, 'delivered');
    const told = (received: Receiver, secret: string) => received.received.map((each) => verified(each, secret));
    expect(told(receiver, jobSecret)).toMatchObject([{ data: { id: inheriting.id } }]);
    expect(told(other, serviceSecret)).toMatchObject([{ data: { id: changing.id } }]);
  });

  test('of a fork is checked as that of a new job', async ({ stage: { api, receive } }) => {
    const job = await post(api, { url: (await receive()).url });
    const refused = async (changes: object): Promise<unknown> => {
      const response = await api.post(`/jobs/${job.id}/fork`, changes);
      expect(response.statusCode).toBe(422);
      return response.json<Problem>().errors;
    };
    expect(await refused({ webhook: { url: 'ftp://example.com/' }, epoch: 1 })).toMatchObject([
      { path: '/epoch' },
      { path: '/webhook/url' },
    ]);
    expect(await refused({ webhok: null })).toMatchObject([{ path: '/webhok' }]);
    expect(await refused({ webhok: {} })).toMatchObject([{ path: '/webhok', message: expect.stringContaining('"webhook"') as string }]);
    expect(await refused({ reuse: true })).toMatchObject([{ path: '/reuse', code: 'unknownField' }]);
  });

  test('is sent once by several processes', async ({ stage: { api, send, receive } }) => {
    for (const _each of [1, 2, 3]) send();
    const receiver = await receive();
    const jobs = await Promise.all(Array.from({ length: 8 }, async () => await post(api, { url: receiver.url })));
    for (const job of jobs) await succeed(api, job);
    for (const job of jobs) await statusBecomes(api, job, 'delivered');
    expect(receiver.received).toHaveLength(8);
  });
});

describe('redelivering', () => {
  test('sends the same message again', async ({ stage: { api, send, receive } }) => {
    send();
    const receiver = await receive();
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    await statusBecomes(api, job, 'delivered');
    const again = await api.post(`/jobs/${job.id}/webhook/redeliver`, {});
    expect(again.statusCode).toBe(202);
    await until(() => receiver.received.length === 2);
    await statusBecomes(api, job, 'delivered');
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  test('is a 409 before the job has ended, and a 404 without webhook or job', async ({ stage: { api, receive } }) => {
    const job = await post(api, { url: (await receive()).url });
    const codes = async (id: string): Promise<[number, string]> => {
      const response = await api.post(`/jobs/${id}/webhook/redeliver`, {});
      return [response.statusCode, response.json<Problem>().code];
    };
    expect(await codes(job.id)).toEqual([409, 'wrongState']);
    expect(await codes((await api.post('/jobs', tutorial)).json<Job>().id)).toEqual([404, 'noWebhook']);
    expect(await codes('job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')).toEqual([404, 'notFound']);
  });

  redisTest("of another key's job is a 404", async ({ redis, onTestFinished }) => {
    const [ada, bob] = [makeKey('ada'), makeKey('bob')];
    const api = await openApi(redis, { webhookPolicy: policy, apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
    onTestFinished(async () => await api.close());
    const body = { ...tutorial, webhook: { url: 'https://example.com/' } };
    const { id } = (await api.post('/jobs', body, bearer(ada))).json<Job>();
    expect((await api.post(`/jobs/${id}/webhook/redeliver`, {}, bearer(bob))).json()).toMatchObject({ code: 'notFound' });
  });
});
