// Tests uploads that are being read: how their lease is renewed and lost, how they end, and that all their data is removed.
import { PendingUploads } from '@trainyard/jobs';
import type { Problem } from '@trainyard/contracts';
import { expect } from 'vitest';
import { redisTest as test, type TestRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

const ids = ['ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5', 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D6', 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D7'] as const;
const problem: Problem = {
  type: 'urn:x',
  title: 'x',
  status: 422,
  detail: 'y',
  instance: '/datasets',
  code: 'invalidDataset',
  requestId: 'r',
};
const open = (redis: TestRedis, leaseMs = 60_000) => new PendingUploads({ redis: redis.connect(), prefix: redis.prefix, leaseMs });
const begin = async (uploads: PendingUploads, id: string, owner = 'ada') =>
  await uploads.begin({ id, owner, title: 'pets', total: 10, requestId: 'r' });

test('an upload shows its progress until it fails or is removed', async ({ redis }) => {
  const uploads = open(redis);
  const begun = await begin(uploads, ids[0]);
  expect(await uploads.get(ids[0])).toEqual(begun);
  expect(begun).toMatchObject({ status: 'processing', progress: { read: 0, total: 10 }, problem: null });
  expect(await uploads.renew(ids[0], 4)).toBe(true);
  expect(await uploads.get(ids[0])).toMatchObject({ status: 'processing', progress: { read: 4, total: 10 } });
  await uploads.fail(ids[0], problem);
  expect(await uploads.get(ids[0])).toMatchObject({ status: 'failed', problem });
  // An upload that has failed does not change any more.
  expect(await uploads.renew(ids[0], 5)).toBe(false);
  expect(await uploads.remove(begun)).toBe(true);
  expect(await uploads.remove(begun)).toBe(false);
  expect(await redis.connect().keys(`{${redis.prefix}}:upload*`)).toEqual([]);
});

test('the process that reads a removed upload does not create its record again', async ({ redis }) => {
  const uploads = open(redis);
  await uploads.remove(await begin(uploads, ids[0]));
  expect(await uploads.renew(ids[0], 1)).toBe(false);
  await uploads.fail(ids[0], problem);
  expect(await uploads.get(ids[0])).toBeNull();
});

test('an upload whose lease has expired has failed', async ({ redis }) => {
  const uploads = open(redis, 1);
  await begin(uploads, ids[0]);
  await until(async () => (await uploads.get(ids[0]))?.status === 'failed');
});

test('the list has the newest first, of one owner or of all, without those that expired', async ({ redis }) => {
  const uploads = open(redis);
  await begin(uploads, ids[0]);
  await begin(uploads, ids[1], 'bob');
  await begin(uploads, ids[2]);
  const listed = async (options: object) => (await uploads.list({ limit: 10, ...options })).map(({ id }) => id);
  expect(await listed({})).toEqual([ids[2], ids[1], ids[0]]);
  expect(await listed({ owner: 'ada' })).toEqual([ids[2], ids[0]]);
  expect(await listed({ after: ids[2], limit: 1 })).toEqual([ids[1]]);
  await redis.connect().del(`{${redis.prefix}}:upload:${ids[2]}`);
  expect(await listed({ limit: 1 })).toEqual([ids[1]]);
  expect(await uploads.get(ids[1], 'ada')).toBeNull();
});
