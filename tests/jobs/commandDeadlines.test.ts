// Tests the time-out of the API's Redis commands. It counts only the time that Redis needs, not the time for which the API process is busy.
import { redisKeys } from '@trainyard/jobs';
import { expect } from 'vitest';
import { hasRedisProcess, redisTest } from '../support/redis.ts';

const test = redisTest.skipIf(!hasRedisProcess);

/** Longer than the time-out of a command. */
const busyMs = 1_500;

/** Blocks the event loop. */
function keepBusy(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test('commands whose replies arrive while the process is busy do not time out', async ({ redis }) => {
  const api = redis.connect('api');
  await api.ping();
  const answers = Promise.all([api.ping(), api.get(`${redisKeys(redis.prefix).tag}:none`)]);
  keepBusy(busyMs);
  const later = api.ping();
  keepBusy(busyMs);
  expect(await answers).toEqual(['PONG', null]);
  expect(await later).toBe('PONG');
});

test('a command that waits for a connection while the process is busy does not time out', async ({ redis }) => {
  const api = redis.connect('api');
  const answer = api.ping();
  keepBusy(busyMs);
  expect(await answer).toBe('PONG');
});

test('commands behind many large replies, which take long to read, do not time out', async ({ redis }) => {
  const api = redis.connect('api');
  const key = `${redisKeys(redis.prefix).tag}:large`;
  await api.set(key, 'x'.repeat(200_000));
  const answers = Array.from({ length: 40 }, async () => {
    const text = await api.get(key);
    keepBusy(60);
    return text?.length;
  });
  expect(new Set(await Promise.all(answers))).toEqual(new Set([200_000]));
});
