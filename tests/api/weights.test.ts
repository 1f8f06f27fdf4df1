// Uploading weights over HTTP, and jobs that begin with them or with another job's, on a real Redis.
import { request as httpRequest } from 'node:http';
import { readdir } from 'node:fs/promises';
import { type Job, jobSchema, type Problem, type Weights, weightsSchema } from '@trainyard/contracts';
import { encodeWeights, Generator } from '@trainyard/engine';
import { describeData } from '@trainyard/engine/data';
import { buildModel } from '@trainyard/engine/spec';
import { parseApiKeys, type RedisKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, result, spec } from '../support/jobs.ts';
import { sha256 } from '../support/sha256.ts';
import { weightFile } from '../support/weightFiles/index.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { formBody, type FormPart, formType } from './fixtures/forms.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

const octets = { 'content-type': 'application/octet-stream' };
const unknownWeights = 'wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';

/** The file that a job of `spec` leaves. */
const file = Buffer.from(encodeWeights(buildModel(spec.model.layers, describeData(spec.data).inputShape, new Generator(7))).bytes);

/** A file with this header over these bytes of data. */
function fileOf(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const upload = async (api: TestApi, payload: Buffer, headers: Record<string, string> = octets) =>
  await api.call({ method: 'POST', url: '/weights', payload, headers });

async function uploaded(api: TestApi, payload: Buffer = file): Promise<Weights> {
  const response = await upload(api, payload);
  expect(response.statusCode, response.body).toBe(201);
  return weightsSchema.parse(response.json());
}

async function begun(api: TestApi, initialWeights: object): Promise<Job> {
  const response = await api.post('/jobs', { ...spec, initialWeights });
  expect(response.statusCode, response.body).toBe(202);
  return jobSchema.parse(response.json());
}

const initialOf = async (api: TestApi, id: string) => await api.get(`/jobs/${id}/artifacts/initial.safetensors`);
const remove = async (api: TestApi, id: string) => await api.call({ method: 'DELETE', url: `/weights/${id}` });

/** That nothing is in Redis, nor among the artifacts, of what was refused. */
async function expectNothingLeft(api: TestApi, { tag, reservedFiles }: RedisKeys, keys: readonly string[]): Promise<void> {
  const ofWeights = (key: string): boolean =>
    key.startsWith(`${tag}:weights`) || key.startsWith(`${tag}:users:wt_`) || key === reservedFiles;
  expect(keys.filter(ofWeights)).toEqual([]);
  const scratch = api.artifacts.temporaryFile().replace(/\/[^/]+$/, '');
  expect(await readdir(scratch)).toEqual([]);
}

describe('POST /weights', () => {
  test('answers 201 with what the file holds, and where it is', async ({ api }) => {
    const response = await upload(api, file);
    expect(response.statusCode).toBe(201);
    const weights = weightsSchema.parse(response.json());
    expect(response.headers['location']).toBe(`/weights/${weights.id}`);
    expect(weights).toMatchObject({ bytes: file.length, sha256: sha256(file), values: 10 });
    expect(weights.tensors).toEqual([
      { name: '0.bias', dtype: 'F32', shape: [2] },
      { name: '0.weight', dtype: 'F32', shape: [2, 4] },
    ]);
    expect((await api.get(`/weights/${weights.id}`)).json()).toEqual(weights);
  });

  test.for([
    ['an empty body', Buffer.alloc(0), /0 bytes/],
    ['a few bytes', Buffer.from('abc'), /3 bytes/],
    ['another format', Buffer.from('these bytes\u0000 are no weights'), /its header should have/],
    ['JSON', Buffer.from('{"weights": [[1, 2], [3, 4]]}'), /is a JSON file: send a safetensors file/],
    ['a text', Buffer.from('weight,bias\n0.1,0.2\n'), /text.*: send a safetensors file/],
    ['half a zip', Buffer.from('PK\u0003\u0004 this is a zip archive'), /archive cannot be read/],
    ['a model that torch.save pickled whole', weightFile('model.pt'), /whole model.*model\.state_dict\(\)/],
    ['a number that is not finite', weightFile('nan.pt'), /"2\.weight": the number at index 5 is NaN/],
    ['a header that is too long to be one', Buffer.concat([fileOf('x'.repeat(4_000_001), 0)]), /at most 4 MB/],
    ['a header that is not JSON', fileOf('{"a": ', 0), /not JSON/],
    ['numbers of another kind', fileOf({ a: { dtype: 'U16', shape: [2], data_offsets: [0, 4] } }, 4), /U16/],
    [
      'tensors that overlap',
      fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }, 12),
      /a gap or an overlap/,
    ],
    ['a shape of other bytes', fileOf({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }, 8), /shape takes 12/],
    ['a tensor beyond the end', fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 4), /4 bytes after the file/],
    ['bytes that nobody mentions', fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 9), /1 bytes follow/],
  ] as const)('refuses %s with 422, and keeps nothing of it', async ([, payload, message], { api, redis }) => {
    const response = await upload(api, payload);
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>()).toMatchObject({ code: 'invalidWeights', detail: expect.stringMatching(message) as string });
    await expectNothingLeft(api, redisKeys(redis.prefix), await redis.connect().keys(`*${redis.prefix}*`));
  });

  test('refuses another media type with 415, and parameters with 422', async ({ api }) => {
    const response = await upload(api, file, { 'content-type': 'application/json' });
    expect(response.statusCode).toBe(415);
    expect(response.json<Problem>().detail).toMatch(/must be application\/octet-stream or multipart\/form-data/);
    expect((await api.call({ method: 'POST', url: '/weights?name=x', payload: file, headers: octets })).statusCode).toBe(422);
  });

  test('refuses a file over the limit with 413, whether it says its length or not', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { uploadBytesLimit: 1_000 });
    onTestFinished(async () => await api.close());
    expect((await upload(api, Buffer.alloc(1_001))).statusCode).toBe(413);
    const url = new URL('/weights', await api.listen());
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST', headers: { ...octets, 'transfer-encoding': 'chunked' } }, (response) => {
        resolve(response.statusCode);
        response.resume();
      });
      request.on('error', reject);
      request.write(Buffer.alloc(800));
      request.end(Buffer.alloc(800));
    });
    expect(status).toBe(413);
    await expectNothingLeft(api, redisKeys(redis.prefix), await redis.connect().keys(`*${redis.prefix}*`));
  });
});

describe('POST /weights as a form', () => {
  const part = { name: 'file', filename: 'model.safetensors', content: file };
  const send = async (api: TestApi, parts: readonly FormPart[]) => await upload(api, formBody(parts), { 'content-type': formType });

  test('takes the file as its only part', async ({ api }) => {
    const response = await send(api, [part]);
    expect(response.statusCode, response.body).toBe(201);
    const weights = weightsSchema.parse(response.json());
    expect(response.headers['location']).toBe(`/weights/${weights.id}`);
    expect(weights).toMatchObject({ bytes: file.length, sha256: sha256(file), values: 10 });
    expect((await begun(api, { weights: weights.id })).spec).toMatchObject({ initialWeights: { weights: weights.id } });
  });

  test.for([
    ['a file that holds no weights', [{ ...part, content: 'no weights' }], 'invalidWeights', undefined],
    ['a file that is empty', [{ ...part, content: '' }], 'invalidWeights', undefined],
    ['no file', [], 'invalidRequest', '/file'],
    ['a text in its place', [{ name: 'file', content: 'x' }], 'invalidRequest', '/file'],
    ['another part', [{ ...part, name: 'flie' }], 'invalidRequest', '/flie'],
    ['a text beside it', [part, { name: 'name', content: 'x' }], 'invalidRequest', '/name'],
    ['two files', [part, part], 'invalidRequest', undefined],
  ] as const)('refuses %s with 422, and keeps nothing of it', async ([, parts, code, path], { api, redis }) => {
    const response = await send(api, parts);
    expect(response.statusCode, response.body).toBe(422);
    const { code: told, errors = [] } = response.json<Problem>();
    expect(told).toBe(code);
    expect(errors.map((error) => error.path)).toEqual(path === undefined ? [] : expect.arrayContaining([path]));
    await expectNothingLeft(api, redisKeys(redis.prefix), await redis.connect().keys(`*${redis.prefix}*`));
  });

  test('refuses a form that is cut off with 400, and one over the limit with 413', async ({ api, redis }) => {
    const whole = formBody([part]);
    const cut = await upload(api, whole.subarray(0, whole.length - 40), { 'content-type': formType });
    expect([cut.statusCode, cut.json<Problem>().code]).toEqual([400, 'malformedForm']);
    const large = await send(api, [{ ...part, content: Buffer.alloc(10_000_001) }]);
    expect([large.statusCode, large.json<Problem>().code]).toEqual([413, 'bodyTooLarge']);
    await expectNothingLeft(api, redisKeys(redis.prefix), await redis.connect().keys(`*${redis.prefix}*`));
  });
});

describe('initialWeights', () => {
  test('are copied for the job, and do not go while it has not ended', async ({ api }) => {
    const { id } = await uploaded(api);
    const job = await begun(api, { weights: id });
    expect(job.spec).toMatchObject({ initialWeights: { weights: id } });
    expect((await initialOf(api, job.id)).rawPayload.equals(file)).toBe(true);
    const refused = await remove(api, id);
    expect(refused.statusCode).toBe(409);
    expect(refused.json<Problem>()).toMatchObject({ code: 'inUse', detail: expect.stringContaining(job.id) as string });
    await api.jobs.store.act('cancel', job.id);
    expect((await remove(api, id)).statusCode).toBe(204);
    expect((await api.get(`/weights/${id}`)).statusCode).toBe(404);
    expect(await api.artifacts.names(id)).toEqual([]);
    expect((await initialOf(api, job.id)).statusCode).toBe(200);
  });

  test('have a list of the jobs that use them, from which most ended jobs are removed', async ({ api, redis }) => {
    const { id } = await uploaded(api);
    const users = redisKeys(redis.prefix).usersOf(id);
    await api.reservedFiles.reserve('job_being_created');
    await redis.connect().zadd(users, 1, 'job_being_created');
    for (let i = 0; i < 10; i++) await api.jobs.store.act('cancel', (await begun(api, { weights: id })).id);
    const remembered = await redis.connect().zrange(users, '0', '-1');
    expect(remembered).toContain('job_being_created');
    expect(remembered.length).toBeLessThan(5);
    expect((await remove(api, id)).statusCode).toBe(204);
    expect(await redis.connect().exists(users)).toBe(0);
  });

  test('that a job of an earlier version uses are not deleted while the job has not ended', async ({ api, redis }) => {
    const { id } = await uploaded(api);
    const job = await begun(api, { weights: id });
    const keys = redisKeys(redis.prefix);
    const former = keys.formerWeightsUsers(id);
    await redis.connect().del(keys.usersOf(id));
    await redis.connect().sadd(former, job.id);
    expect((await remove(api, id)).statusCode).toBe(409);
    expect((await remove(api, id)).statusCode).toBe(409);
    await api.jobs.store.act('cancel', job.id);
    expect((await remove(api, id)).statusCode).toBe(204);
    expect(await redis.connect().exists(former, keys.usersOf(id))).toBe(0);
  });

  test('can be those of a job that has succeeded, which may be deleted then', async ({ api }) => {
    const attempt = await claim(api.jobs, jobSchema.parse((await api.post('/jobs', spec)).json()).id);
    await api.artifacts.putBytes(attempt.jobId, 'model.safetensors', file);
    await attempt.finish({ status: 'succeeded', result });
    const job = await begun(api, { job: attempt.jobId });
    expect((await api.call({ method: 'DELETE', url: `/jobs/${attempt.jobId}` })).statusCode).toBe(204);
    expect((await initialOf(api, job.id)).rawPayload.equals(file)).toBe(true);
    // A retry needs the other job no more either.
    await api.jobs.store.act('cancel', job.id);
    const retry = jobSchema.parse((await api.call({ method: 'POST', url: `/jobs/${job.id}/retry` })).json());
    expect((await initialOf(api, retry.id)).rawPayload.equals(file)).toBe(true);
  });

  test('that do not fit the model are a 422 that lists names and shapes, in a dry run too', async ({ api }) => {
    const { id } = await uploaded(api);
    const body = {
      ...spec,
      model: {
        layers: [
          { type: 'linear', outFeatures: 3 },
          { type: 'linear', name: 'last', outFeatures: 2 },
        ],
      },
      initialWeights: { weights: id },
    };
    for (const url of ['/jobs', '/jobs?dryRun=true']) {
      const response = await api.post(url, body);
      expect(response.statusCode).toBe(422);
      const { code, errors = [] } = response.json<Problem>();
      expect(code).toBe('invalidSpec');
      expect(errors.map(({ path, code }) => [path, code])).toEqual(errors.map(() => ['/initialWeights/weights', 'weightsMismatch']));
      expect(errors.map(({ message }) => message).toSorted()).toEqual([
        `"0.bias" has shape [2], the model's has [3]`,
        `"0.weight" has shape [2, 4], the model's has [3, 4]`,
        '"last.bias" [2] is missing',
        '"last.weight" [2, 3] is missing',
        '0 of 4 tensors match',
      ]);
    }
    expect((await api.jobs.store.list({ limit: 10 })).data).toEqual([]);
    expect((await remove(api, id)).statusCode).toBe(204);
  });

  test.for([
    [{ weights: unknownWeights }, '/initialWeights/weights', 'unknownWeights'],
    [{ job: 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' }, '/initialWeights/job', 'unknownJob'],
    [{ job: 'job_1' }, '/initialWeights/job', 'invalidFormat'],
    [{ weights: unknownWeights, job: 'job_1' }, '/initialWeights', 'invalidValue'],
    [{}, '/initialWeights', 'invalidValue'],
  ] as const)('%j are a 422 at %s', async ([initialWeights, path], { api }) => {
    const response = await api.post('/jobs', { ...spec, initialWeights });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors?.[0]?.path).toMatch(new RegExp(`^${path}`));
  });

  test('of a job that has not succeeded are a 422 that says so', async ({ api }) => {
    const { jobId } = await claim(api.jobs, jobSchema.parse((await api.post('/jobs', spec)).json()).id);
    const response = await api.post('/jobs', { ...spec, initialWeights: { job: jobId } });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ code: 'noWeights', message: expect.stringMatching(/is running/) as string }]);
  });

  test('are safe to ask for again with an idempotency key', async ({ api, redis }) => {
    const { id } = await uploaded(api);
    const headers = { 'idempotency-key': 'once' };
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => await api.post('/jobs', { ...spec, initialWeights: { weights: id } }, headers)),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 202));
    const [jobId = ''] = answers.map((answer) => answer.json<Job>().id);
    expect(new Set(answers.map((answer) => answer.json<Job>().id)).size).toBe(1);
    await api.jobs.store.act('cancel', jobId);
    expect((await remove(api, id)).statusCode).toBe(204);
    const late = await api.post('/jobs', { ...spec, initialWeights: { weights: id } }, headers);
    expect([late.statusCode, late.headers['idempotency-replayed'], late.json<Job>().id]).toEqual([202, 'true', jobId]);
    expect(await redis.connect().exists(redisKeys(redis.prefix).reservedFiles)).toBe(0);
  });
});

test("another key's weights and jobs are as if they were not there", async ({ redis, onTestFinished }) => {
  const [ada, bob] = [makeKey('ada'), makeKey('bob')];
  const api = await openApi(redis, { apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
  onTestFinished(async () => await api.close());
  const { id } = weightsSchema.parse((await upload(api, file, { ...octets, ...bearer(ada) })).json());
  expect((await api.get(`/weights/${id}`, bearer(bob))).statusCode).toBe(404);
  expect((await api.call({ method: 'DELETE', url: `/weights/${id}`, headers: bearer(bob) })).statusCode).toBe(404);
  const attempt = await claim(api.jobs, jobSchema.parse((await api.post('/jobs', spec, bearer(ada))).json()).id);
  await attempt.finish({ status: 'succeeded', result });
  for (const [initialWeights, code] of [
    [{ weights: id }, 'unknownWeights'],
    [{ job: attempt.jobId }, 'unknownJob'],
  ] as const) {
    const response = await api.post('/jobs', { ...spec, initialWeights }, bearer(bob));
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ code }]);
  }
  expect((await api.get('/weights/wt_1', bearer(ada))).statusCode).toBe(404);
  expect((await api.get(`/weights/${id}`, bearer(ada))).statusCode).toBe(200);
});
