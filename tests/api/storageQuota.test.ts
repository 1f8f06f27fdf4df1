// Tests the limit of the bytes that each key may store: its uploads, the files of its jobs, and the data of its jobs and sweeps in Redis.
import type { Dataset, Job, Sweep, Weights } from '@trainyard/contracts';
import { encodeWeights, Generator } from '@trainyard/engine';
import { describeData } from '@trainyard/engine/data';
import { buildModel } from '@trainyard/engine/spec';
import { KeyQuotas, noQuotas, type Quotas, redisKeys, Retention } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { appendLine, claim, metricsOf, result, spec } from '../support/jobs.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { storedInRedis } from '../support/storedBytes.ts';
import type { TestApi } from './fixtures/api.ts';
import { formParts, table, upload } from './fixtures/forms.ts';
import { ada, bob, expectRefused, make, post, quotaTest as test, shown, started, statuses, sweepOf } from './fixtures/quotas.ts';

const weightsFile = Buffer.from(encodeWeights(buildModel(spec.model.layers, describeData(spec.data).inputShape, new Generator(7))).bytes);
const putWeights = async (api: TestApi, key = ada) =>
  await api.call({
    method: 'POST',
    url: '/weights',
    payload: weightsFile,
    headers: { 'content-type': 'application/octet-stream', ...key },
  });
const putTable = async (api: TestApi, key = ada) => await upload(api, formParts({ file: table }, { targetColumn: 'kind' }), key);
const remove = async (api: TestApi, url: string) => await api.call({ method: 'DELETE', url, headers: ada });

/** Returns the bytes of the files that the key `ada` stores, without the specs and events of its jobs and sweeps. */
const filesOf = async (api: TestApi, redis: TestRedis): Promise<number> =>
  (await shown(api)).storageBytes.used - (await storedInRedis(redis));

async function expectNothingReserved(redis: TestRedis): Promise<void> {
  expect(await redis.connect().zcard(redisKeys(redis.prefix).reservedFiles)).toBe(0);
}

describe('a quota of storage', () => {
  test('refuses weights that do not fit with 413, and takes them when others are deleted', async ({ open, redis }) => {
    const api = await open({ storageBytes: 1.5 * weightsFile.length });
    const first = (await putWeights(api)).json<Weights>();
    expectRefused(await putWeights(api), 413, `may store ${1.5 * weightsFile.length} bytes`, `stores ${weightsFile.length}`);
    await expectNothingReserved(redis);
    expect((await putWeights(api, bob)).statusCode).toBe(201);
    expect((await remove(api, `/weights/${first.id}`)).statusCode).toBe(204);
    expect((await shown(api)).storageBytes.used).toBe(0);
    expect((await putWeights(api)).statusCode).toBe(201);
  });

  test('refuses a dataset that does not fit, but not one that is there already', async ({ open, redis }) => {
    const api = await open({ storageBytes: 1e6 });
    const first = await putTable(api);
    expect(first.statusCode, first.body).toBe(201);
    const { id } = first.json<Dataset>();
    const { used } = (await shown(api)).storageBytes;
    expect(used).toBe((await api.datasets.get(id))?.bytes);
    const tight = await open({ storageBytes: used });
    expect((await putTable(tight)).statusCode).toBe(200);
    const other = await upload(tight, formParts({ file: Buffer.from('a,kind\n1,cat\n2,dog\n3,cat\n') }, { targetColumn: 'kind' }), ada);
    expectRefused(other, 413, `may store ${used} bytes`);
    await expectNothingReserved(redis);
    expect((await remove(api, `/datasets/${id}`)).statusCode).toBe(204);
    expect((await shown(api)).storageBytes.used).toBe(0);
  });

  test('cannot be exceeded by uploads at once to two processes', async ({ open }) => {
    const quotas = { storageBytes: 2 * weightsFile.length };
    const apis = [await open(quotas), await open(quotas)];
    const answers = await Promise.all(
      Array.from({ length: 3 }, async () => await Promise.all(apis.map(async (api) => await putWeights(api)))),
    );
    expect(statuses(answers.flat())).toEqual([201, 201, 413, 413, 413, 413]);
  });

  test("counts a job's last checkpoint and its model until it is deleted or too old", async ({ open, redis }) => {
    const api = await open({ storageBytes: 1_000_000 });
    const attempt = await started(api, 400_000);
    expect(await filesOf(api, redis)).toBe(400_000);
    await attempt.appendEpoch(metricsOf(2));
    await attempt.storeCheckpoint({ epoch: 2, step: 0, bytes: 500_000 }, 'checkpoint-1-2.safetensors');
    expect(await filesOf(api, redis)).toBe(500_000);
    const waiting = await make(api);
    for (const _twice of [1, 2]) await attempt.finish({ status: 'succeeded', result, modelBytes: 500_000 });
    expect(await filesOf(api, redis)).toBe(1_000_000);
    const { used } = (await shown(api)).storageBytes;
    expectRefused(await post(api), 413, 'may store 1000000 bytes', `stores ${used}`);
    expectRefused(await api.post('/sweeps', sweepOf(2), ada), 413);
    await (await claim(api.jobs, waiting.id)).finish({ status: 'succeeded', result, modelBytes: 7 });
    const options = { redis: redis.connect(), prefix: redis.prefix, jobs: api.jobs.store, reservedFiles: api.reservedFiles };
    await new Retention({ ...options, limits: { days: null, jobs: 1 } }).sweep();
    expect(await filesOf(api, redis)).toBe(7);
    expect((await remove(api, `/jobs/${waiting.id}`)).statusCode).toBe(204);
    expect((await shown(api)).storageBytes.used).toBe(0);
  });

  test('counts the checkpoint that a fork begins with, and refuses one that has no room for it', async ({ open, redis }) => {
    const api = await open({ storageBytes: 1_000_000 });
    const { jobId } = await started(api, 400_000);
    const fork = await api.post(`/jobs/${jobId}/fork`, {}, ada);
    expect(fork.statusCode, fork.body).toBe(202);
    expect(await filesOf(api, redis)).toBe(800_000);
    const { used } = (await shown(api)).storageBytes;
    expectRefused(await api.post(`/jobs/${jobId}/fork`, {}, ada), 413, 'may store 1000000 bytes', `stores ${used}`);
    await expectNothingReserved(redis);
  });

  test('counts the specs and events of jobs, and refuses a job or a sweep whose specs do not fit', async ({ open, redis }) => {
    const api = await open({ storageBytes: 10_000 });
    const { id, spec } = await make(api, ada, { labels: { note: 'x'.repeat(60) } });
    const used = async (): Promise<number> => (await shown(api)).storageBytes.used;
    expect(await used()).toBeGreaterThan(JSON.stringify(spec).length);
    expect(await used()).toBe(await storedInRedis(redis));
    expectRefused(await api.post('/sweeps', sweepOf(20), ada), 413, 'may store 10000 bytes', `stores ${await used()}`);
    const sweep = (await api.post('/sweeps', sweepOf(1), ada)).json<Sweep>();
    expect(await used()).toBe(await storedInRedis(redis));
    // A running job continues even if its key stores more than the limit.
    const attempt = await claim(api.jobs, id);
    while ((await used()) < 10_000) await appendLine(attempt, 'info', 'x'.repeat(1_000));
    expectRefused(await post(api), 413);
    expect((await attempt.appendEpoch(metricsOf(1))).outcome).toBe('appended');
    await attempt.finish({ status: 'succeeded', result });
    expect(await used()).toBe(await storedInRedis(redis));
    await api.post(`/sweeps/${sweep.id}/cancel`, {}, ada);
    for (const url of [`/jobs/${id}`, `/jobs/${sweep.trials[0]?.job}`, `/sweeps/${sweep.id}`])
      expect((await remove(api, url)).statusCode).toBe(204);
    expect(await used()).toBe(0);
  });
});

describe('a share of Redis', () => {
  test('reserves memory for all epochs of a job until it ends, and refuses a job or a sweep that does not fit', async ({ open }) => {
    const api = await open({ redisBytes: 100_000 });
    const { id } = await make(api, ada, { epochs: 200 });
    const used = async (): Promise<number> => (await shown(api)).redisBytes.used;
    const before = await used();
    expect(before).toBeGreaterThan(60_000);
    expectRefused(await post(api, ada, { epochs: 200 }), 413, 'may use 100000 bytes of Redis memory', `use ${before}`);
    expectRefused(await api.post('/sweeps', sweepOf(10), ada), 413, 'may use 100000 bytes of Redis memory');
    expect((await post(api, bob, { epochs: 200 })).statusCode).toBe(202);
    const attempt = await claim(api.jobs, id);
    for (const epoch of [1, 2, 3]) await attempt.appendEpoch(metricsOf(epoch));
    await attempt.finish({ status: 'succeeded', result });
    expect(await used()).toBeLessThan(20_000);
    expect((await post(api, ada, { epochs: 200 })).statusCode).toBe(202);
    expect((await remove(api, `/jobs/${id}`)).statusCode).toBe(204);
    expect(await used()).toBe(before);
  });

  redisTest('is half of the memory of Redis if it is not set', ({ redis }) => {
    const options = { redis: redis.connect(), prefix: redis.prefix };
    const quotasOf = (redisBytes: number | null, most: number | null): Quotas =>
      new KeyQuotas({ ...options, quotas: { ...noQuotas, redisBytes }, redisMaxBytes: () => most }).quotas;
    expect(quotasOf(null, 1_000)).toEqual({ ...noQuotas, redisBytes: 500 });
    expect(quotasOf(7, 1_000).redisBytes).toBe(7);
    expect(quotasOf(null, null)).toEqual(noQuotas);
  });
});

test('a quota of storage counts what a job keeps of its epochs, and the copies that others begin with', async ({ open, redis }) => {
  const documents = Buffer.from('{"epoch":1}\n{"epoch":2}\n');
  const copies = weightsFile.length + 400_000 + documents.length / 2;
  const originals = weightsFile.length + 400_000 + documents.length;
  const api = await open({ storageBytes: 1e6 });
  const used = async () => await filesOf(api, redis);
  const initialWeights = { weights: (await putWeights(api)).json<Weights>().id };
  const begun = await make(api, ada, { initialWeights });
  const attempt = await started(api, 400_000);
  await api.artifacts.putBytes(attempt.jobId, 'gradients-1-2.jsonl', documents);
  await attempt.countFile('gradients-1-2.jsonl', documents.length);
  expect(await used()).toBe(originals + weightsFile.length);
  // Its checkpoint is of the first epoch, and so are the documents that it gets.
  const fork = await api.post(`/jobs/${attempt.jobId}/fork`, {}, ada);
  expect(fork.statusCode, fork.body).toBe(202);
  expect(await used()).toBe(originals + copies);
  await attempt.countFile('gradients-3-4.jsonl', 999_900 - (await shown(api)).storageBytes.used);
  expectRefused(await post(api, ada, { initialWeights }), 413, 'may store 1000000 bytes', 'stores 999900');
  await attempt.countFile('gradients-3-4.jsonl', 0);
  await expectNothingReserved(redis);
  for (const { id } of [begun, fork.json<Job>()]) {
    expect((await api.post(`/jobs/${id}/cancel`, {}, ada)).statusCode).toBe(202);
    expect((await remove(api, `/jobs/${id}`)).statusCode).toBe(204);
    expect(await redis.connect().exists(redisKeys(redis.prefix).files(id))).toBe(0);
  }
  expect(await used()).toBe(originals);
});
