// The list of workers over HTTP. That real workers announce themselves is in tests/worker.
import { type Problem, workerList } from '@trainyard/contracts';
import { engineVersion } from '@trainyard/engine/spec';
import { parseApiKeys, WorkerPresence } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { redisTest as test } from '../support/redis.ts';
import { startJob } from '../support/jobs.ts';
import { apiTest, openApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

describe('GET /workers', () => {
  apiTest('has each worker with its capacity, its jobs and when it was seen, until it leaves', async ({ api, redis }) => {
    expect((await api.get('/workers')).json()).toEqual({ data: [] });
    const presence = new WorkerPresence({ redis: redis.connect(), prefix: redis.prefix });
    const { jobId } = await startJob(api.jobs);
    const worker = {
      name: 'worker-1',
      host: 'here',
      pid: 7,
      engineVersion,
      concurrency: 2,
      jobs: [jobId],
      startedAt: '2026-11-23T00:00:00.000Z',
      residentBytes: 5e7,
      cpuSeconds: 1.5,
    };
    const before = Date.now();
    await presence.announce(worker);
    const { data } = workerList.parse((await api.get('/workers')).json());
    expect(data).toMatchObject([worker]);
    expect(Date.parse(data[0]?.lastSeenAt ?? '')).toBeGreaterThanOrEqual(before);
    await presence.withdraw('worker-1');
    expect((await api.get('/workers')).json()).toEqual({ data: [] });
    expect((await api.get('/workers?limit=1')).statusCode).toBe(422);
  });

  test('is for admins', async ({ redis, onTestFinished }) => {
    const [ada, root] = [makeKey('ada'), makeKey('root', 'admin')];
    const api = await openApi(redis, { apiKeys: parseApiKeys(`${ada.entry},${root.entry}`) });
    onTestFinished(async () => await api.close());
    const refused = await api.get('/workers', bearer(ada));
    expect([refused.statusCode, refused.json<Problem>().code]).toEqual([403, 'adminOnly']);
    expect((await api.get('/workers', bearer(root))).statusCode).toBe(200);
    expect((await api.get('/workers')).statusCode).toBe(401);
  });
});
