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
  const ofWeights = (key: string): boolean => key.startsWith(`${tag}:weights`) || key.startsWith(`${tag}:users:wt_`) || key === reservedFiles;
  expect(keys.filter(ofWeights)).toEqual([]);
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
