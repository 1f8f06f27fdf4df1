// Tests reading the metrics and events of a job with many epochs. They are read in pages and are complete, and other keys are not delayed.
import { createHash } from 'node:crypto';
import type { ArtifactList, EventPage, JobMetrics } from '@trainyard/contracts';
import { EventLog, parseApiKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect, vi } from 'vitest';
import { appendLine, claim, createJob, metricsOf } from '../support/jobs.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

/** Creates a job of the key `ada` with the given number of epochs. Writes their events to Redis directly. @returns its id */
async function longJob(api: TestApi, redis: TestRedis, epochs: number): Promise<string> {
  const jobId = await createJob(api.jobs);
  const stream = redisKeys(redis.prefix).events(jobId);
  const pipeline = redis.connect().pipeline();
  for (let epoch = 1; epoch <= epochs; epoch++)
    pipeline.xadd(stream, '*', 'event', 'epoch', 'data', JSON.stringify({ jobId, epochs, ...metricsOf(epoch) }));
  await pipeline.exec();
  return jobId;
}

const rowsOf = (epochs: number): string =>
  Array.from({ length: epochs }, (_, index) => `${index + 1},${1 / (index + 1)},,,0.01,0.25,4,1.5\r\n`).join('');
const table = (epochs: number): string =>
  `epoch,trainLoss,testLoss,testAccuracy,learningRate,seconds,samplesPerSecond,gradientNorm\r\n${rowsOf(epochs)}`;

/** Enough epochs for several pages of JSON and several pieces of CSV. */
const many = 8_000;

describe('a long history', () => {
  test('is complete as JSON and as CSV', async ({ api, redis }) => {
    const jobId = await longJob(api, redis, many);
    const { epochs } = (await api.get(`/jobs/${jobId}/metrics`)).json<JobMetrics>();
    expect(epochs).toEqual(Array.from({ length: many }, (_, index) => metricsOf(index + 1)));
    const csv = await api.get(`/jobs/${jobId}/metrics`, { accept: 'text/csv' });
    expect(csv.body === table(many)).toBe(true);
  });

  test('can be downloaded as a file with a size and a digest, whole and in ranges', async ({ api, redis }) => {
    for (const epochs of [10, many]) {
      const jobId = await longJob(api, redis, epochs);
      const url = `/jobs/${jobId}/artifacts/metrics.csv`;
      const text = table(epochs);
      const whole = await api.get(url);
      expect(whole.body === text).toBe(true);
      const etag = `"${createHash('sha256').update(text).digest('hex')}"`;
      expect([whole.headers['content-length'], whole.headers['etag']]).toEqual([String(text.length), etag]);
      const { data } = (await api.get(`/jobs/${jobId}/artifacts`)).json<ArtifactList>();
      expect(data.find(({ name }) => name === 'metrics.csv')).toMatchObject({ bytes: text.length, etag });
      for (const [first, last] of [
        [0, 0],
        [20, 150],
        [text.length - 40, text.length - 1],
        [100, text.length - 100],
      ] as const) {
        const part = await api.get(url, { range: `bytes=${first}-${last}` });
        expect([part.statusCode, part.body === text.slice(first, last + 1)]).toEqual([206, true]);
      }
      expect((await api.get(url, { 'if-none-match': etag })).statusCode).toBe(304);
    }
  });

  test('is written once for several requests, as long as no epoch is added', async ({ api, redis }) => {
    const epochs = 100;
    const jobId = await longJob(api, redis, epochs);
    const url = `/jobs/${jobId}/artifacts/metrics.csv`;
    const reads = vi.spyOn(EventLog.prototype, 'epochPages');
    const { headers } = await api.get(url);
    expect((await api.get(url)).body === table(epochs)).toBe(true);
    expect((await api.get(url, { range: 'bytes=0-4' })).body).toBe('epoch');
    expect((await api.get(url, { 'if-none-match': String(headers['etag']) })).statusCode).toBe(304);
    await api.get(`/jobs/${jobId}/artifacts`);
    expect(reads.mock.calls.filter(([id]) => id === jobId)).toHaveLength(1);
    reads.mockRestore();
    const added = { jobId, epochs, ...metricsOf(epochs + 1) };
    await redis.connect().xadd(redisKeys(redis.prefix).events(jobId), '*', 'event', 'epoch', 'data', JSON.stringify(added));
    expect((await api.get(url)).body === table(epochs + 1)).toBe(true);
  });

  redisTest('does not delay the requests of another key until it is read completely', async ({ redis, onTestFinished }) => {
    const entries = [makeKey('ada'), makeKey('bob')] as const;
    const api = await openApi(redis, { apiKeys: parseApiKeys(entries.map(({ entry }) => entry).join(',')) });
    onTestFinished(async () => await api.close());
    const [ada, bob] = [bearer(entries[0]), bearer(entries[1])];
    const long = await longJob(api, redis, many);
    const { job: short } = await api.jobs.store.create({
      spec: (await api.get(`/jobs/${long}`, ada)).json<{ spec: never }>().spec,
      owner: 'bob',
    });
    const finished: string[] = [];
    const read = async (name: string, jobId: string, key: Record<string, string>) => {
      const { statusCode } = await api.get(`/jobs/${jobId}/metrics`, key);
      finished.push(name);
      return statusCode;
    };
    const reads = Array.from({ length: 6 }, async () => await read('ada', long, ada));
    reads.push(read('bob', short.id, bob));
    expect(await Promise.all(reads)).toEqual(reads.map(() => 200));
    expect(finished[0]).toBe('bob');
  });
});

test('a page of large events is shorter than its limit, and its cursor leads to the rest', async ({ api }) => {
  const attempt = await claim(api.jobs, await createJob(api.jobs));
  const messages = Array.from({ length: 400 }, (_, index) => `${index} ${'x'.repeat(4_000)}`);
  for (const message of messages) await appendLine(attempt, 'info', message);
  const read: string[] = [];
  let after = '';
  for (let pages = 0; pages < 2; pages++) {
    const page = (await api.get(`/jobs/${attempt.jobId}/events?limit=1000&type=log${after}`)).json<EventPage>();
    expect(page.data.length).toBeLessThan(300);
    for (const event of page.data) if (event.event === 'log') read.push(event.data.message);
    after = `&after=${page.nextCursor}`;
  }
  expect(read).toEqual(messages);
});
