// Recounts from the stored data how much Redis an owner's jobs and sweeps use. The service must count the same.
import type { JobSpec } from '@trainyard/engine/spec';
import { redisKeys } from '@trainyard/jobs';
import type { Redis } from 'ioredis';
import type { TestRedis } from './redis.ts';

/** Returns the bytes that count for `storageBytes`: the specs, notes and events of an owner's jobs, and the records of the owner's sweeps. */
export async function storedInRedis(server: TestRedis, owner = 'ada'): Promise<number> {
  const redis = server.connect();
  const keys = redisKeys(server.prefix);
  const jobs = await redis.zrange(keys.list(owner), '0', '-1');
  const sweeps = await redis.zrange(keys.sweepsOf(owner), '0', '-1');
  const sizes = await Promise.all([
    ...jobs.flatMap((id) => ['spec', 'notes'].map(async (field) => await redis.hstrlen(keys.job(id), field))),
    ...jobs.map(async (id) => await eventBytes(redis, keys.events(id))),
    ...sweeps.map(async (id) => (await redis.hstrlen(keys.sweep(id), 'head')) + (await redis.hstrlen(keys.sweep(id), 'epochs'))),
    ...sweeps.map(async (id) => sumOf((await redis.hvals(keys.sweepTrials(id))).map(bytesOf))),
  ]);
  return sumOf(sizes);
}

async function eventBytes(redis: Redis, stream: string): Promise<number> {
  return sumOf((await redis.xrange(stream, '-', '+')).map(([, [, , , data = '']]) => bytesOf(data)));
}

const bytesOf = (text: string): number => Buffer.byteLength(text);
const sumOf = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);

/** Returns the memory of Redis that counts for an owner's jobs: the events of ended jobs, and all epochs in the specs of other jobs. */
export async function memoryOfJobs(server: TestRedis, owner = 'ada'): Promise<number> {
  const redis = server.connect();
  const keys = redisKeys(server.prefix);
  const jobs = await redis.zrange(keys.list(owner), '0', '-1');
  const sizes = jobs.map(async (id) => {
    const [spec, notes, finishedAt] = await redis.hmget(keys.job(id), 'spec', 'notes', 'finishedAt');
    const events = typeof finishedAt === 'string' ? await redis.xlen(keys.events(id)) : (JSON.parse(spec ?? '{}') as JobSpec).epochs;
    return 8_192 + bytesOf(spec ?? '') + bytesOf(notes ?? '') + 300 * events;
  });
  return sumOf(await Promise.all(sizes));
}
