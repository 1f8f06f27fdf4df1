// Downloading the files of a job: whole, in parts, not again, not yet. Weights are stored, the rest is rendered.
import { createHash, randomBytes } from 'node:crypto';
import { artifactList, type Job, type Problem } from '@trainyard/contracts';
import { encodeWeights, Generator } from '@trainyard/engine';
import { describeData } from '@trainyard/engine/data';
import { encodeOnnx, engineScript, pytorchScript } from '@trainyard/engine/formats';
import { buildModel } from '@trainyard/engine/spec';
import type { JobAttempt } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { createJob, metricsOf, result, spec, startJob } from '../support/jobs.ts';
import { apiTest, type TestApi } from './fixtures/api.ts';

interface Model {
  readonly url: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const size = 200_000;

async function finishedModel(api: TestApi): Promise<Model> {
  const bytes = randomBytes(size);
  const attempt = await startJob(api.jobs);
  await api.artifacts.putBytes(attempt.jobId, 'model.safetensors', bytes);
  await attempt.finish({ status: 'succeeded', result });
  return {
    bytes,
    url: `/jobs/${attempt.jobId}/artifacts/model.safetensors`,
    etag: `"${createHash('sha256').update(bytes).digest('hex')}"`,
  };
}

const test = apiTest.extend('model', async ({ api }) => await finishedModel(api));

test('gives the file with its length, its digest as ETag, and a name to save it under', async ({ api, model }) => {
  const response = await api.get(model.url);
  expect(response.statusCode).toBe(200);
  expect(response.rawPayload.equals(model.bytes)).toBe(true);
  expect(response.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-length': String(size),
    'accept-ranges': 'bytes',
    etag: model.etag,
  });
  expect(response.headers['content-disposition']).toMatch(/^attachment; filename="job_\w+\.safetensors"$/);
});

test('answers HEAD as GET, without the file', async ({ api, model }) => {
  const [get, head] = [await api.get(model.url), await api.call({ method: 'HEAD', url: model.url })];
  expect(head.statusCode).toBe(200);
  expect(head.rawPayload).toHaveLength(0);
  for (const name of ['content-type', 'content-length', 'etag', 'accept-ranges']) expect(head.headers[name]).toBe(get.headers[name]);
});

test.for(['ETAG', 'W/ETAG', '"other", ETAG', '*'])('answers 304 to If-None-Match: %s', async (header, { api, model }) => {
  const response = await api.get(model.url, { 'if-none-match': header.replace('ETAG', model.etag) });
  expect(response.statusCode).toBe(304);
  expect(response.rawPayload).toHaveLength(0);
  expect(response.headers['etag']).toBe(model.etag);
});

test('gives the file to who has another one', async ({ api, model }) => {
  expect((await api.get(model.url, { 'if-none-match': '"other"' })).statusCode).toBe(200);
});

describe('a range', () => {
  test.for([
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    [`bytes=100-`, 100, size - 1],
    ['bytes=-50', size - 50, size - 1],
    [`bytes=-${size * 2}`, 0, size - 1],
    [`bytes=199999-300000`, size - 1, size - 1],
  ] as const)('%s gets these bytes', async ([range, first, last], { api, model }) => {
    const response = await api.get(model.url, { range });
    expect(response.statusCode).toBe(206);
    expect(response.rawPayload.equals(model.bytes.subarray(first, last + 1))).toBe(true);
    expect(response.headers).toMatchObject({
      'content-range': `bytes ${first}-${last}/${size}`,
      'content-length': String(last - first + 1),
      etag: model.etag,
    });
  });

  test.for([`bytes=${size}-`, `bytes=${size + 5}-${size + 9}`, 'bytes=-0'])(
    '%s is a 416 that says the length',
    async (range, { api, model }) => {
      const response = await api.get(model.url, { range });
      expect(response.statusCode).toBe(416);
      expect(response.headers['content-range']).toBe(`bytes */${size}`);
      expect(response.json<Problem>()).toMatchObject({ code: 'rangeNotSatisfiable' });
    },
  );

  test.for(['bytes=5-4', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,5-6', 'bytes=-', ''])(
    'that is none, or several, gets the whole file: %s',
    async (range, { api, model }) => {
      const response = await api.get(model.url, { range });
      expect(response.statusCode).toBe(200);
      expect(response.rawPayload).toHaveLength(size);
    },
  );

  test('continues a download only of the same file', async ({ api, model }) => {
    expect((await api.get(model.url, { range: 'bytes=10-', 'if-range': model.etag })).statusCode).toBe(206);
    expect((await api.get(model.url, { range: 'bytes=10-', 'if-range': '"other"' })).statusCode).toBe(200);
    expect((await api.get(model.url, { range: 'bytes=10-', 'if-range': `W/${model.etag}` })).statusCode).toBe(200);
  });
});

/** Ends a job with the weights that its network has at the beginning. */
async function finish(api: TestApi, attempt: JobAttempt): Promise<Uint8Array> {
  const weights = encodeWeights(buildModel(spec.model.layers, describeData(spec.data).inputShape, new Generator(0))).bytes;
  await api.artifacts.putBytes(attempt.jobId, 'model.safetensors', weights);
  await attempt.finish({ status: 'succeeded', result });
  return weights;
}

describe('the ONNX model', () => {
  apiTest('is rendered from the weights, whole and in any part', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const model = encodeOnnx(spec, await finish(api, attempt), attempt.jobId);
    const url = `/jobs/${attempt.jobId}/artifacts/model.onnx`;
    const { rawPayload, headers } = await api.get(url);
    expect(Uint8Array.from(rawPayload)).toEqual(model);
    expect(headers).toMatchObject({ 'content-length': String(model.length), 'content-type': 'application/octet-stream' });
    expect(headers['content-disposition']).toBe(`attachment; filename="${attempt.jobId}.onnx"`);
    expect((await api.get(url, { 'if-none-match': String(headers['etag']) })).statusCode).toBe(304);
    for (let first = 0; first < model.length; first += 7) {
      const last = Math.min(first + 30, model.length - 1);
      const part = await api.get(url, { range: `bytes=${first}-${last}` });
      expect([part.statusCode, Uint8Array.from(part.rawPayload)]).toEqual([206, model.subarray(first, last + 1)]);
    }
  });

  apiTest('has the statistics with which the weights were trained', async ({ api }) => {
    const standardized = { ...spec, data: { ...spec.data, transforms: [{ type: 'standardize' as const }] } };
    const attempt = await startJob(api.jobs, standardized);
    const network = buildModel(spec.model.layers, describeData(spec.data).inputShape, new Generator(0));
    const channels = describeData(spec.data).inputShape[0];
    const statistics = [{ mean: new Array<number>(channels).fill(0.25), std: new Array<number>(channels).fill(2) }];
    const weights = encodeWeights(network, 'test', { standardize: JSON.stringify(statistics) }).bytes;
    await api.artifacts.putBytes(attempt.jobId, 'model.safetensors', weights);
    await attempt.finish({ status: 'succeeded', result });
    const { rawPayload } = await api.get(`/jobs/${attempt.jobId}/artifacts/model.onnx`);
    expect(Uint8Array.from(rawPayload)).toEqual(encodeOnnx(standardized, weights, attempt.jobId));
    expect(rawPayload.includes(Buffer.from(Float32Array.of(0.25).buffer))).toBe(true);
  });

  apiTest('of a job without weights is a 404 that says when it will be there', async ({ api }) => {
    const id = await createJob(api.jobs);
    const response = await api.get(`/jobs/${id}/artifacts/model.onnx`);
    expect([response.statusCode, response.json<Problem>().detail]).toEqual([404, expect.stringMatching(/has no model.onnx.*succeeded/)]);
  });
});

describe('what is rendered of a job', () => {
  const names = ['train.py', 'train.ts', 'spec.json', 'metrics.csv'];

  apiTest('is its scripts, its spec and its metrics, from the beginning on', async ({ api }) => {
    const id = await createJob(api.jobs);
    const text = async (name: string) => (await api.get(`/jobs/${id}/artifacts/${name}`)).body;
    expect(await text('train.py')).toBe(pytorchScript(spec));
    expect(await text('train.ts')).toBe(engineScript(spec));
    expect(await text('metrics.csv')).toBe((await api.get(`/jobs/${id}/metrics`, { accept: 'text/csv' })).body);
    const again = await api.post('/jobs', JSON.parse(await text('spec.json')));
    expect(again.statusCode).toBe(202);
    expect(again.json<Job>().spec).toEqual(spec);
  });

  apiTest.for([
    ['train.py', 'text/x-python; charset=utf-8', 'py'],
    ['train.ts', 'text/x-typescript; charset=utf-8', 'ts'],
    ['spec.json', 'application/json; charset=utf-8', 'json'],
    ['metrics.csv', 'text/csv; charset=utf-8', 'csv'],
  ] as const)('comes with its kind, its length, its digest and a name, in parts too: %s', async ([name, type, extension], { api }) => {
    const id = await createJob(api.jobs);
    const url = `/jobs/${id}/artifacts/${name}`;
    const { rawPayload, headers } = await api.get(url);
    const etag = `"${createHash('sha256').update(rawPayload).digest('hex')}"`;
    const attachment = `attachment; filename="${id}.${extension}"`;
    expect(headers).toMatchObject({
      'content-type': type,
      'content-length': String(rawPayload.length),
      etag,
      'content-disposition': attachment,
    });
    expect((await api.get(url, { 'if-none-match': etag })).statusCode).toBe(304);
    const part = await api.get(url, { range: 'bytes=5-9', 'if-range': etag });
    expect([part.statusCode, part.rawPayload]).toEqual([206, rawPayload.subarray(5, 10)]);
    expect((await api.get(url, { range: `bytes=${rawPayload.length}-` })).statusCode).toBe(416);
    const head = await api.call({ method: 'HEAD', url });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, String(rawPayload.length), '']);
  });

  apiTest('has another digest when there is another epoch', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const etag = async () => (await api.get(`/jobs/${attempt.jobId}/artifacts/metrics.csv`)).headers['etag'];
    const before = await etag();
    await attempt.appendEpoch(metricsOf(1));
    expect(await etag()).not.toBe(before);
  });

  apiTest('is listed with the weights once they are there, each as it can be downloaded', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const list = async () => artifactList.parse((await api.get(`/jobs/${attempt.jobId}/artifacts`)).json()).data;
    expect((await list()).map(({ name }) => name)).toEqual(names);
    await finish(api, attempt);
    expect((await list()).map(({ name }) => name)).toEqual(['model.safetensors', 'model.onnx', ...names]);
    for (const { url, bytes, etag, contentType } of await list()) {
      const { headers, rawPayload } = await api.get(url);
      expect([headers['etag'], headers['content-type'], rawPayload.length]).toEqual([etag, contentType, bytes]);
    }
  });
});

describe('a file that is not there', () => {
  apiTest('because no job has one of that name is a 404', async ({ api }) => {
    const id = await createJob(api.jobs);
    expect((await api.get(`/jobs/${id}/artifacts/passwords.txt`)).statusCode).toBe(404);
    expect((await api.get(`/jobs/nobody/artifacts/train.py`)).statusCode).toBe(404);
    expect((await api.get('/jobs/nobody/artifacts')).statusCode).toBe(404);
  });

  apiTest('yet is a 404 that says when it will be', async ({ api }) => {
    const id = await createJob(api.jobs);
    const response = await api.get(`/jobs/${id}/artifacts/model.safetensors`);
    expect(response.statusCode).toBe(404);
    expect(response.json<Problem>().code).toBe('notFound');
    expect(response.json<Problem>().detail).toMatch(/queued.*when the job has succeeded/);
  });

  apiTest('because the job failed is a 404 that says so', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await attempt.finish({ status: 'failed', error: { code: 'nonFinite', message: 'diverged', epoch: 1, step: 2 } });
    const response = await api.get(`/jobs/${attempt.jobId}/artifacts/model.safetensors`);
    expect(response.statusCode).toBe(404);
    expect(response.json<Problem>().detail).toMatch(/failed.*only a job that succeeded/);
  });
});
