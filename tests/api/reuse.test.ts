// `reuse` of a new job: an earlier one that succeeded with the same spec is answered in its place. On a real Redis.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Job, jobPage, jobSchema } from '@trainyard/contracts';
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { JobStore, parseApiKeys, reuseKeyOf } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { makeDataFolder } from '../support/dataFolder.ts';
import { claim, result } from '../support/jobs.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';

async function post(api: TestApi, body: object, headers: Record<string, string> = {}): Promise<{ job: Job; isReused: boolean }> {
  const response = await api.post('/jobs', body, headers);
  expect(response.statusCode, response.body).toBe(202);
  const job = jobSchema.parse(response.json());
  expect(response.headers['location']).toBe(`/jobs/${job.id}`);
  return { job, isReused: response.headers['job-reused'] === 'true' };
}

async function succeeded(api: TestApi, body: object, headers: Record<string, string> = {}, version = engineVersion): Promise<string> {
  const { job } = await post(api, body, headers);
  await (await claim(api.jobs, job.id)).finish({ status: 'succeeded', result: { ...result, engineVersion: version } });
  return job.id;
}

const again = { ...tutorial, reuse: true };

describe('reuse', () => {
  test('answers the newest job that succeeded with the same spec, and makes none', async ({ api }) => {
    await succeeded(api, tutorial);
    const newest = await succeeded(api, tutorial);
    const { job, isReused } = await post(api, again);
    expect(isReused).toBe(true);
    expect(job).toEqual((await api.get(`/jobs/${newest}`)).json());
    expect(jobPage.parse((await api.get('/jobs')).json()).data).toHaveLength(2);
  });

  test.for([
    ['another name', { name: 'other' }, true],
    ['other labels', { labels: { team: 'b' } }, true],
    ['another priority', { priority: 9 }, true],
    ['defaults that are written out', { data: { ...tutorial.data, batchSize: 64 } }, true],
    ['the earlier form of its sampling', { data: { ...tutorial.data, shuffle: true } }, true],
    ['another order of the samples', { data: { ...tutorial.data, sampling: 'sequential' } }, false],
    ['frozen weights', { freeze: ['conv1'] }, false],
    ['another seed', { seed: 1 }, false],
    ['more epochs', { epochs: 21 }, false],
    ['another learning rate', { optimizer: { type: 'sgd', learningRate: 0.02 } }, false],
    ['more data', { data: { ...tutorial.data, samples: 2 } }, false],
  ] as const)('for a spec with %s: %s', async ([, changes, expected], { api }) => {
    const id = await succeeded(api, tutorial);
    const { job, isReused } = await post(api, { ...again, ...changes });
    expect(isReused).toBe(expected);
    expect(job.id === id).toBe(expected);
  });

  test('has the keys of specs of earlier versions, in which only `shuffle` says how samples are ordered', async ({ api }) => {
    const { job } = await post(api, tutorial);
    const { sampling, ...data } = job.spec.data;
    expect([sampling, data.shuffle]).toEqual(['shuffle', true]);
    expect(reuseKeyOf({ ...job.spec, data }, null)).toBe(reuseKeyOf(job.spec, null));
  });

  test('does not take a job that has not succeeded, was trained by another engine, or is gone', async ({ api }) => {
    const { job } = await post(api, tutorial);
    await api.jobs.store.act('cancel', job.id);
    await succeeded(api, tutorial, {}, '0.0.1');
    const gone = await succeeded(api, tutorial);
    await api.jobs.store.delete(gone);
    expect((await post(api, again)).isReused).toBe(false);
  });

  test('takes what relaxed kernels trained where they train, and nowhere else', async ({ api, redis }) => {
    const strict = await succeeded(api, tutorial);
    const relaxed = await succeeded(api, tutorial, {}, relaxedEngineVersion);
    const { job } = await post(api, again);
    expect(job.id).toBe(strict);
    const store = new JobStore({
      redis: redis.connect(),
      prefix: redis.prefix,
      queue: api.jobs.queue,
      engineVersion: relaxedEngineVersion,
    });
    expect((await store.reusable(reuseKeyOf(job.spec, null), undefined))?.id).toBe(relaxed);
  });

  test('takes a retry, but not a fork, whose weights come of another run', async ({ api }) => {
    const { job } = await post(api, tutorial);
    const attempt = await claim(api.jobs, job.id);
    await api.artifacts.putBytes(job.id, 'checkpoint-1-1.safetensors', Buffer.from('a checkpoint'));
    await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: 12 }, 'checkpoint-1-1.safetensors');
    await api.jobs.store.act('cancel', job.id);
    await attempt.finish({ status: 'cancelled' });
    const made = async (action: string): Promise<string> => {
      const { id } = (await api.call({ method: 'POST', url: `/jobs/${job.id}/${action}` })).json<Job>();
      await (await claim(api.jobs, id)).finish({ status: 'succeeded', result: { ...result, engineVersion } });
      return id;
    };
    await made('fork');
    expect((await post(api, again)).isReused).toBe(false);
    const retry = await made('retry');
    expect((await post(api, again)).job.id).toBe(retry);
  });

  test("does not show what is another key's", async ({ redis, onTestFinished }) => {
    const [ada, bob, root] = [makeKey('ada'), makeKey('bob'), makeKey('root', 'admin')];
    const api = await openApi(redis, { apiKeys: parseApiKeys([ada, bob, root].map(({ entry }) => entry).join(',')) });
    onTestFinished(async () => await api.close());
    const id = await succeeded(api, tutorial, bearer(ada));
    expect((await post(api, again, bearer(bob))).isReused).toBe(false);
    expect((await post(api, again, bearer(ada))).job.id).toBe(id);
    expect((await post(api, again, bearer(root))).job.id).toBe(id);
  });

  describe('of a published dataset', () => {
    const image = (dataset: string) => ({
      ...tutorial,
      data: { dataset, trainLimit: 60, testLimit: 30 },
      model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
      loss: { type: 'crossEntropy' },
    });

    test.for([
      ['mnist', 't10k-labels-idx1-ubyte.gz'],
      ['cifar10', 'data_batch_3.bin.gz'],
    ] as const)('takes a job whose files of %s held the same', async ([dataset, name], { redis, onTestFinished }) => {
      const folder = await makeDataFolder();
      const files = (...folders: string[]) => new NodeDatasetFiles({ folders, home: join(folder.path, 'home') });
      const api = await openApi(redis, { datasetFiles: files(folder.path) });
      const elsewhere = await openApi(redis, { datasetFiles: files() });
      onTestFinished(async () => {
        await Promise.all([api.close(), elsewhere.close()]);
        await folder.remove();
      });
      const id = await succeeded(api, image(dataset));
      const reused = async (by = api) => {
        const { job, isReused } = await post(by, { ...image(dataset), reuse: true });
        if (!isReused) await api.jobs.store.act('cancel', job.id);
        return isReused ? job.id : null;
      };
      expect(await reused()).toBe(id);
      const file = join(folder.path, dataset, name);
      const before = await readFile(file);
      await writeFile(
        file,
        Uint8Array.from(before, (byte, i) => (i === before.length - 1 ? byte ^ 1 : byte)),
      );
      expect(await reused()).toBeNull();
      await writeFile(file, before);
      expect(await reused()).toBe(id);
      // Where no files are, a job would get those that are published.
      expect(await reused(elsewhere)).toBeNull();
      const other = await succeeded(elsewhere, image(dataset));
      expect(await reused(elsewhere)).toBe(other);
      await rm(join(folder.path, dataset), { recursive: true });
      expect(await reused()).toBe(other);
    });
  });

  test('is a boolean', async ({ api }) => {
    const response = await api.post('/jobs', { ...tutorial, reuse: 'yes' });
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({ errors: [{ path: '/reuse', code: 'invalidType' }] });
  });
});
