// What Prometheus gets, read as it reads it: a line a value.
import type { Problem } from '@trainyard/contracts';
import { parseApiKeys, WorkerPresence } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { createJob, metricsOf, result, startJob } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { apiTest, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

/** The values, by name and labels as they are written. */
async function scrape(api: TestApi): Promise<Map<string, number>> {
  const response = await api.get('/metrics');
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = response.body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

describe('GET /metrics', () => {
  apiTest('counts and times requests by route and status, without their paths', async ({ api }) => {
    const jobId = await createJob(api.jobs);
    for (const path of [`/jobs/${jobId}`, `/jobs/${jobId}`, '/jobs/nobody', '/nothing']) await api.get(path);
    const values = await scrape(api);
    const count = (route: string, status: number): number | undefined =>
      values.get(`trainyard_http_request_duration_seconds_count{method="GET",route="${route}",status="${status}"}`);
    expect([count('/jobs/:id', 200), count('/jobs/:id', 404), count('none', 404)]).toEqual([2, 1, 1]);
    expect([...values.keys()].join()).not.toContain(jobId);
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  apiTest('says what all workers did and what waits', async ({ api, redis }) => {
    await createJob(api.jobs);
    const attempt = await startJob(api.jobs);
    await attempt.appendEpoch({ ...metricsOf(1), seconds: 2, samplesPerSecond: 100 });
    await attempt.appendEpoch({ ...metricsOf(1), seconds: 2, samplesPerSecond: 100 });
    await attempt.appendEpoch({ ...metricsOf(2), seconds: 0.5, samplesPerSecond: 400 });
    await attempt.finish({ status: 'succeeded', result });
    await new WorkerPresence({ redis: redis.connect(), prefix: redis.prefix }).announce({
      name: 'worker-1',
      host: 'here',
      pid: 1,
      engineVersion: '0.1.0',
      concurrency: 3,
      jobs: ['job_1'],
      startedAt: new Date().toISOString(),
      residentBytes: 5e7,
      cpuSeconds: 1.5,
    });
    const values = await scrape(api);
    expect(Object.fromEntries([...values].filter(([name]) => name.startsWith('trainyard_') && !name.includes('http')))).toMatchObject({
      trainyard_epochs_total: 2,
      trainyard_samples_total: 400,
      trainyard_training_seconds_total: 2.5,
      'trainyard_jobs{status="running"}': 1,
      'trainyard_jobs_ended_total{status="succeeded"}': 1,
      'trainyard_jobs_ended_total{status="failed"}': 0,
      'trainyard_queue_entries{queue="webhooks",state="wait"}': 0,
      'trainyard_worker_capacity{worker="worker-1"}': 3,
      'trainyard_worker_jobs{worker="worker-1"}': 1,
      'trainyard_worker_resident_bytes{worker="worker-1"}': 5e7,
      'trainyard_worker_cpu_seconds_total{worker="worker-1"}': 1.5,
      trainyard_redis_up: 1,
    });
    expect(values.get('trainyard_jobs{status="queued"}')).toBe(1);
    expect(values.get('trainyard_queue_entries{queue="train",state="wait"}')).toBeGreaterThanOrEqual(1);
  });

  redisTest('says how long events take to those who follow, and how many do', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis);
    const end = new AbortController();
    onTestFinished(async () => await api.close());
    const attempt = await startJob(api.jobs);
    const follower = api.eventHub.follow(attempt.jobId, { signal: end.signal });
    const followed = (async () => {
      for await (const _event of follower) void 0;
    })();
    expect((await scrape(api)).get('trainyard_event_streams')).toBe(1);
    let epoch = 0;
    await until(async () => {
      epoch += 1;
      await attempt.appendEpoch(metricsOf(epoch));
      return Number((await scrape(api)).get('trainyard_event_delay_seconds_count')) > 0;
    });
    end.abort();
    await followed;
    expect((await scrape(api)).get('trainyard_event_streams')).toBe(0);
  });

  redisTest('is for admins', async ({ redis, onTestFinished }) => {
    const [ada, root] = [makeKey('ada'), makeKey('root', 'admin')];
    const api = await openApi(redis, { apiKeys: parseApiKeys(`${ada.entry},${root.entry}`) });
    onTestFinished(async () => await api.close());
    const refused = await api.get('/metrics', bearer(ada));
    expect([refused.statusCode, refused.json<Problem>().code]).toEqual([403, 'adminOnly']);
    expect((await api.get('/metrics', bearer(root))).statusCode).toBe(200);
    expect((await api.get('/metrics')).statusCode).toBe(401);
  });
});
