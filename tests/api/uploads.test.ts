// Uploaded datasets over HTTP: every format, what is kept of it, what it is good for, and whose it is.
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { type Dataset, datasetList, datasetSamples, datasetSchema, type Job } from '@trainyard/contracts';
import { encodeNpy, readNpz, uploadedContent } from '@trainyard/engine/data';
import { parseApiKeys } from '@trainyard/jobs';
import { unzipSync } from 'fflate';
import { describe, expect } from 'vitest';
import { decodeImage } from '../../services/api/src/images/decodeImage.ts';
import { cifarBatch } from '../engine/data/cifarFiles.ts';
import { idxPair } from '../engine/data/idxFiles.ts';
import { redisTest } from '../support/redis.ts';
import { openApi, type TestApi, apiTest as test } from './fixtures/api.ts';
import { formParts, imageZip, table, upload } from './fixtures/forms.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

const images = imageZip(10);
const specOf = (dataset: string, data: object = {}) => ({
  data: { dataset, ...data },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 2 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd' },
  epochs: 2,
});

async function uploaded(api: TestApi, files: Record<string, Uint8Array> = { file: images }, fields = {}, headers = {}): Promise<Dataset> {
  const response = await upload(api, formParts(files, fields), headers);
  expect(response.statusCode, response.body).toBe(201);
  return datasetSchema.parse(response.json());
}

/** All files of the artifact folder but the store's own. */
async function stored(api: TestApi): Promise<string[]> {
  const entries = await readdir(api.folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.digest')).map((entry) => `${entry.parentPath}/${entry.name}`);
}

const idx = idxPair([0, 1, 2, 1]);

describe('an upload of', () => {
  test.for<[string, Record<string, Uint8Array>, object]>([
    [
      'a zip of images',
      { file: images },
      { format: 'images', inputShape: [1, 3, 4], classes: ['cat', 'dog'], trainSamples: 10, testSamples: 0 },
    ],
    [
      'an IDX pair with a test part',
      { inputs: idx.images, targets: idx.labels, testInputs: idx.images, testTargets: idx.labels },
      { format: 'idx', inputShape: [1, 28, 28], classes: ['0', '1', '2'], trainSamples: 4, testSamples: 4 },
    ],
    [
      'an NPY pair of values',
      { inputs: encodeNpy([2, 3], new Float32Array(6)), targets: encodeNpy([2, 2], Float32Array.of(1, 2, 3, 4)) },
      { format: 'npy', inputShape: [3], classes: null, trainSamples: 2 },
    ],
    [
      'CIFAR batches',
      { file: cifarBatch([1, 0]), testFile: cifarBatch([1]) },
      { format: 'cifar', inputShape: [3, 32, 32], trainSamples: 2, testSamples: 1 },
    ],
    ['a table', { file: table }, { format: 'csv', inputShape: [2], classes: ['cat', 'dog'], trainSamples: 3 }],
  ])('%s is a dataset of its own', async ([, files, expected], { api }) => {
    const response = await upload(api, formParts(files, { name: 'mine' }));
    expect(response.statusCode, response.body).toBe(201);
    const dataset = datasetSchema.parse(response.json());
    expect(dataset).toMatchObject({ source: 'uploaded', title: 'mine', ...expected });
    expect(dataset.id).toMatch(/^ds_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(response.headers['location']).toBe(`/datasets/${dataset.id}`);
    expect((await api.get(`/datasets/${dataset.id}`)).json()).toEqual(dataset);
    expect((await stored(api)).map((path) => path.slice(api.folder.length + 1))).toEqual([`${dataset.id}/dataset.npz`]);
  });

  test('the same content again is the same dataset again, also when both come at once', async ({ api }) => {
    const answers = await Promise.all([1, 2, 3].map(async () => await upload(api, formParts({ file: images }))));
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 200, 201]);
    const ids = new Set(answers.map((answer) => datasetSchema.parse(answer.json()).id));
    expect(ids.size).toBe(1);
    expect(await stored(api)).toHaveLength(1);
    const other = await uploaded(api, { file: imageZip(10, 1) });
    expect(ids.has(other.id)).toBe(false);
  });

  test('is named after its file where it says no name', async ({ api }) => {
    const response = await upload(api, [{ name: 'file', content: table, filename: 'C:\\secret\\pets.csv' }]);
    expect(response.json()).toMatchObject({ title: 'pets.csv' });
  });
});

test('the list has the built-in ones first, then the newest uploads, page by page', async ({ api }) => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.unshift((await uploaded(api, { file: imageZip(4, i) })).id);
  const first = datasetList.parse((await api.get('/datasets?limit=2')).json());
  expect(first.data.filter(({ source }) => source === 'uploaded').map(({ id }) => id)).toEqual(ids.slice(0, 2));
  expect(first.data[0].id).toBe('mnist');
  const second = datasetList.parse((await api.get(`/datasets?limit=2&after=${first.nextCursor}`)).json());
  expect(second).toMatchObject({ data: [{ id: ids[2] }], nextCursor: null });
  expect((await api.get('/datasets?after=nonsense')).statusCode).toBe(422);
});

describe('samples', () => {
  test('come as numbers with the names of their classes', async ({ api }) => {
    const { id } = await uploaded(api);
    const { data, ...head } = datasetSamples.parse((await api.get(`/datasets/${id}/samples?limit=6`)).json());
    expect(head).toEqual({ inputType: 'uint8', inputShape: [1, 3, 4] });
    expect(data.map((sample) => [sample.index, sample.class, sample.target])).toEqual([
      [0, 'cat', 0],
      [1, 'cat', 0],
      [2, 'cat', 0],
      [3, 'cat', 0],
      [4, 'cat', 0],
      [5, 'dog', 1],
    ]);
    const row = [14, 14, 14, 14];
    expect(data[1].input).toEqual([[row, row, row]]);
    const values = await uploaded(api, {
      inputs: encodeNpy([2, 2], Float32Array.of(1, 2, 3, 4)),
      targets: encodeNpy([2, 1], Float32Array.of(0.5, -1)),
    });
    expect((await api.get(`/datasets/${values.id}/samples`)).json()).toEqual({
      inputType: 'float32',
      inputShape: [2],
      data: [
        { index: 0, input: [1, 2], class: null, target: [0.5] },
        { index: 1, input: [3, 4], class: null, target: [-1] },
      ],
    });
  });

  test.for<[string, number[]]>([
    ['a few classes', [2, 0, 1]],
    ['many classes', Array.from({ length: 40 }, (_, at) => at % 10)],
  ])('of an IDX pair have the classes of its labels: %s', async ([, classes], { api }) => {
    const { images: inputs, labels: targets } = idxPair(classes);
    const { id } = await uploaded(api, { inputs, targets });
    const { data } = datasetSamples.parse((await api.get(`/datasets/${id}/samples?limit=40`)).json());
    expect(data.map((sample) => sample.target)).toEqual(classes);
  });

  test('come as one image', async ({ api }) => {
    const { id } = await uploaded(api);
    const response = await api.get(`/datasets/${id}/samples?limit=4`, { accept: 'image/png' });
    expect(response.headers['content-type']).toBe('image/png');
    const sheet = await decodeImage({ name: 'sheet', bytes: response.rawPayload }, 10_000);
    expect(sheet).toMatchObject({ width: 2 * 6 + 2, height: 2 * 5 + 2, channels: 1 });
    // The second image's first pixel.
    expect(sheet.data[2 * 14 + 8]).toBe(14);
    const colour = await uploaded(api, { file: cifarBatch([1, 0]) });
    const second = await api.get(`/datasets/${colour.id}/samples`, { accept: 'image/png' });
    expect((await decodeImage({ name: 'sheet', bytes: second.rawPayload }, 10_000)).channels).toBe(3);
  });

  test('of built-in datasets are there with their files', async ({ api }) => {
    const digits = datasetSamples.parse((await api.get('/datasets/digits/samples?limit=2&part=test')).json());
    expect(digits).toMatchObject({ inputShape: [1, 28, 28], data: [{ index: 0 }, { index: 1 }] });
    expect((await api.get('/datasets/mnist/samples')).json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining('are not on this server') as unknown,
    });
    expect((await api.get('/datasets/random/samples')).statusCode).toBe(404);
  });

  test('are refused where there are none, or not in that form', async ({ api }) => {
    const { id } = await uploaded(api, { file: table });
    expect((await api.get(`/datasets/${id}/samples?part=test`)).statusCode).toBe(404);
    expect((await api.get(`/datasets/${id}/samples`, { accept: 'image/png' })).statusCode).toBe(406);
    expect((await api.get(`/datasets/${id}/samples`, { accept: 'text/html' })).statusCode).toBe(406);
    expect((await api.get(`/datasets/${id}/samples?limit=x`)).statusCode).toBe(422);
    expect((await api.get('/datasets/ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5/samples')).statusCode).toBe(404);
  });
});

test('the export is the file that jobs are trained on', async ({ api }) => {
  const dataset = await uploaded(api);
  const { rawPayload, headers } = await api.get(`/datasets/${dataset.id}/export`);
  expect(createHash('sha256').update(rawPayload).digest('hex')).toBe(dataset.sha256);
  expect(headers).toMatchObject({
    'content-length': String(dataset.bytes),
    'content-disposition': `attachment; filename="${dataset.id}.npz"`,
  });
  expect(Object.keys(unzipSync(rawPayload))).toEqual(['train_inputs.npy', 'train_targets.npy', 'classes.npy', 'images.npy']);
  const { data } = (await api.post('/jobs', specOf(dataset.id))).json<Job>().spec;
  expect(readNpz({ name: 'export', bytes: rawPayload }, uploadedContent.parse('content' in data ? data.content : null)).train.length).toBe(
    10,
  );
});

describe('a job', () => {
  test('names an uploaded dataset, and keeps what it holds', async ({ api }) => {
    const { id, sha256 } = await uploaded(api);
    const response = await api.post('/jobs', specOf(id, { testSplit: 0.2 }));
    expect(response.statusCode, response.body).toBe(202);
    const { spec } = response.json<Job>();
    expect(spec.data).toMatchObject({ dataset: id, testSplit: 0.2, content: { sha256, trainSamples: 10 } });
    expect((await api.post('/jobs', spec)).statusCode).toBe(202);
    const dryRun = await api.post('/jobs?dryRun=true', specOf(id));
    expect(dryRun.json<{ trainPy: string }>().trainPy).toContain(`"${id}" / "dataset.npz"`);
  });

  test('is refused for an unknown dataset, a wrong split or shapes that do not fit', async ({ api }) => {
    const { id } = await uploaded(api, { file: images, testFile: imageZip(2, 5) });
    const refusal = async (body: object) => {
      const response = await api.post('/jobs', body);
      expect(response.statusCode).toBe(422);
      return response.json<{ errors: { path: string; message: string }[] }>().errors;
    };
    expect(await refusal(specOf('ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'))).toMatchObject([{ path: '/data/dataset' }]);
    expect(await refusal(specOf(id, { testSplit: 0.5 }))).toMatchObject([{ path: '/data/testSplit' }]);
    expect(await refusal({ ...specOf(id), model: { layers: [{ type: 'linear', outFeatures: 3 }] } })).toHaveLength(1);
  });

  test('keeps its dataset from being deleted until it has ended', async ({ api }) => {
    const { id } = await uploaded(api);
    const job = (await api.post('/jobs', specOf(id))).json<Job>();
    const refused = await api.call({ method: 'DELETE', url: `/datasets/${id}` });
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: 'inUse', detail: expect.stringContaining(job.id) as unknown });
    expect((await api.call({ method: 'POST', url: `/jobs/${job.id}/cancel` })).statusCode).toBe(202);
    expect((await api.call({ method: 'DELETE', url: `/datasets/${id}` })).statusCode).toBe(204);
    expect((await api.get(`/datasets/${id}`)).statusCode).toBe(404);
    expect(await stored(api)).toEqual([]);
    const retry = await api.call({ method: 'POST', url: `/jobs/${job.id}/retry` });
    expect([retry.statusCode, retry.json<{ code: string }>().code]).toEqual([422, 'invalidSpec']);
    expect((await uploaded(api)).id).not.toBe(id);
  });
});

test('what is built in, or not there, cannot be deleted', async ({ api }) => {
  const builtIn = await api.call({ method: 'DELETE', url: '/datasets/mnist' });
  expect([builtIn.statusCode, builtIn.json<{ code: string }>().code]).toEqual([409, 'builtInDataset']);
  expect((await api.call({ method: 'DELETE', url: '/datasets/ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' })).statusCode).toBe(404);
});

redisTest("another key's dataset is not there, for jobs neither", async ({ redis }) => {
  const keys = [makeKey('ada'), makeKey('bob'), makeKey('root', 'admin')];
  const api = await openApi(redis, { apiKeys: parseApiKeys(keys.map(({ entry }) => entry).join(',')) });
  const [ada, bob, root] = keys.map(bearer);
  try {
    const { id } = await uploaded(api, undefined, {}, ada);
    for (const url of [`/datasets/${id}`, `/datasets/${id}/samples`, `/datasets/${id}/export`]) {
      expect((await api.get(url, bob)).statusCode).toBe(404);
      expect((await api.get(url, root)).statusCode).toBe(200);
    }
    expect((await api.call({ method: 'DELETE', url: `/datasets/${id}`, headers: bob })).statusCode).toBe(404);
    expect((await api.post('/jobs', specOf(id), bob)).statusCode).toBe(422);
    expect((await api.post('/jobs', specOf(id), ada)).statusCode).toBe(202);
    const ids = datasetList.parse((await api.get('/datasets', bob)).json()).data.map((dataset) => dataset.id);
    expect(ids).not.toContain(id);
    const own = await uploaded(api, undefined, {}, bob);
    expect(own.id).not.toBe(id);
    expect((await upload(api, formParts({ file: images }))).statusCode).toBe(401);
  } finally {
    await api.close();
  }
});
