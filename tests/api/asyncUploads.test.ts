// Uploads that are read after they were answered: from `processing` to `ready` or `failed`, listed, stopped, and never left behind.
import { readdir } from 'node:fs/promises';
import { type Dataset, datasetList, datasetSchema, type Job, type Problem } from '@trainyard/contracts';
import { DatasetStore } from '@trainyard/jobs';
import { expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { formParts, table, upload } from './fixtures/forms.ts';

const prefer = { prefer: 'respond-async' };
const show = async (api: TestApi, id: string): Promise<Dataset> => datasetSchema.parse((await api.get(`/datasets/${id}`)).json());

async function accepted(api: TestApi, file: Uint8Array = table, fields = {}): Promise<Dataset> {
  const response = await upload(api, formParts({ file }, fields), prefer);
  expect(response.statusCode, response.body).toBe(202);
  const dataset = datasetSchema.parse(response.json());
  expect(response.headers).toMatchObject({ 'preference-applied': 'respond-async', location: `/datasets/${dataset.id}` });
  expect(dataset).toMatchObject({ status: 'processing', progress: { read: 0, total: file.length }, problem: null });
  return dataset;
}

async function ended(api: TestApi, id: string): Promise<Dataset> {
  await until(async () => (await show(api, id)).status !== 'processing');
  return await show(api, id);
}

const listed = async (api: TestApi): Promise<readonly (readonly string[])[]> =>
  datasetList
    .parse((await api.get('/datasets')).json())
    .data.filter(({ source }) => source === 'uploaded')
    .map(({ id, status }) => [id, status]);

const specOf = (dataset: string) => ({
  data: { dataset },
  model: { layers: [{ type: 'linear', outFeatures: 2 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd' },
  epochs: 1,
});

test('an upload with Prefer: respond-async becomes a dataset with the id in its first response', async ({ api }) => {
  const { id } = await accepted(api, table, { name: 'pets' });
  const dataset = await ended(api, id);
  expect(dataset).toMatchObject({ id, title: 'pets', status: 'ready', progress: null, classes: ['cat', 'dog'], trainSamples: 3 });
  expect(dataset.taken.map(({ field }) => field)).toContain('header');
  expect(await listed(api)).toEqual([[id, 'ready']]);
  expect((await api.post('/jobs', specOf(id))).json<Job>().spec.data.dataset).toBe(id);
});

test('an upload that fails says why, is listed and can be deleted', async ({ api, redis }) => {
  const { id } = await accepted(api, Buffer.from('a,b,y\n1,two,x\n1,2,x\n1\n'));
  const dataset = await ended(api, id);
  expect(dataset).toMatchObject({
    status: 'failed',
    problem: { code: 'invalidDataset', status: 422, errors: [{ path: '/file/row/2/column/b' }, { path: '/file/row/4' }] },
  });
  expect(await listed(api)).toEqual([[id, 'failed']]);
  const job = await api.post('/jobs', specOf(id));
  expect([job.statusCode, job.json<Problem>().detail]).toEqual([409, expect.stringContaining('failed: file: row 2 has "two"')]);
  const ttl = await redis.connect().pttl(`{${redis.prefix}}:upload:${id}`);
  expect(ttl).toBeGreaterThan(3_000_000);
  expect(ttl).toBeLessThan(3_700_000);
  expect((await api.call({ method: 'DELETE', url: `/datasets/${id}` })).statusCode).toBe(204);
  expect((await api.get(`/datasets/${id}`)).statusCode).toBe(404);
  expect(await listed(api)).toEqual([]);
});

test('an upload with the content of an existing dataset leads to that dataset', async ({ api }) => {
  const first = datasetSchema.parse((await upload(api, formParts({ file: table }))).json());
  const { id } = await accepted(api);
  expect((await ended(api, id)).id).toBe(first.id);
  expect(await listed(api)).toEqual([[first.id, 'ready']]);
});

test('an invalid form is refused at once', async ({ api }) => {
  const response = await upload(api, formParts({ file: table }, { header: 'maybe' }), prefer);
  expect(response.statusCode).toBe(422);
  expect(await listed(api)).toEqual([]);
});

redisTest('an upload that is still being read cannot be used as a dataset (409), and can be stopped', async ({ redis, onTestFinished }) => {
  // Without readers the upload stays unread.
  const api = await openApi(redis, { uploadReader: { readers: 0, tryMs: 0 } });
  onTestFinished(async () => await api.close());
  const { id } = await accepted(api);
  for (const url of [`/datasets/${id}/samples`, `/datasets/${id}/export`]) {
    const response = await api.get(url);
    expect([response.statusCode, response.json<Problem>().code]).toEqual([409, 'notReady']);
  }
  expect((await api.post('/jobs', specOf(id))).json<Problem>()).toMatchObject({ status: 409, code: 'notReady' });
  expect(await listed(api)).toEqual([[id, 'processing']]);
  expect(await readdir(api.folder, { recursive: true })).not.toEqual([]);
  expect((await api.call({ method: 'DELETE', url: `/datasets/${id}` })).statusCode).toBe(204);
  expect((await api.get(`/datasets/${id}`)).statusCode).toBe(404);
  await until(async () => {
    const entries = await readdir(api.folder, { recursive: true, withFileTypes: true });
    return entries.every((entry) => !entry.isFile());
  });
});

redisTest('an upload whose server stops or dies fails, and leaves no file', async ({ redis, onTestFinished }) => {
  const stopping = await openApi(redis, { uploadReader: { readers: 0, tryMs: 0 } });
  const api = await openApi(redis);
  onTestFinished(async () => await api.close());
  const { id } = await accepted(stopping);
  await stopping.close();
  expect(await show(api, id)).toMatchObject({ status: 'failed', problem: { code: 'unavailable' } });
  const { artifacts, reservedFiles } = api;
  const dying = new DatasetStore({ redis: redis.connect(), prefix: redis.prefix, artifacts, reservedFiles, uploadLeaseMs: 1 });
  const died = dying.newId();
  await dying.pending.begin({ id: died, owner: 'anonymous', title: 'x', total: 1, requestId: 'r' });
  const dataset = await ended(api, died);
  expect(dataset).toMatchObject({
    status: 'failed',
    problem: { code: 'unavailable', detail: expect.stringContaining('Upload them again') as unknown },
  });
});
