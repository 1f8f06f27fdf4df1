// Tests that keys take turns when webhooks are sent. A receiver that hangs delays only webhooks of its own key, and no waiting webhook is lost.
import { type Job, jobSchema } from '@trainyard/contracts';
import { parseApiKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, result } from '../support/jobs.ts';
import { until } from '../support/until.ts';
import { openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey, type TestKey } from './fixtures/keys.ts';
import type { Received } from './fixtures/receiver.ts';
import { tutorial } from './fixtures/spec.ts';
import { policy, webhookTest } from './fixtures/webhooks.ts';

const [ada, bob] = [makeKey('ada'), makeKey('bob')];

const test = webhookTest.extend('keyed', async ({ redis }, { onCleanup }) => {
  const keyed = await openApi(redis, { webhookPolicy: policy, apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
  onCleanup(async () => await keyed.close());
  return keyed;
});

/** Creates jobs of a key with a webhook, and ends them. */
async function ended(api: TestApi, key: TestKey, url: string, count: number): Promise<Job[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const response = await api.post('/jobs', { ...tutorial, webhook: { url } }, bearer(key));
      const job = jobSchema.parse(response.json());
      await (await claim(api.jobs, job.id)).finish({ status: 'succeeded', result });
      return job;
    }),
  );
}

const idOf = ({ body }: Received): string => (JSON.parse(body) as { data: { id: string } }).data.id;

/** A time limit that no test reaches, in ms. */
const never = 2 ** 30;

describe('a key whose receiver hangs', () => {
  test('sends as many webhooks at a time as it has places, and delays no webhook of another key', async ({
    keyed,
    stage: { send, receive },
  }) => {
    const [hanging, quick] = [await receive(() => undefined), await receive()];
    send({ timeoutMs: never, placesPerKey: 3 });
    await ended(keyed, ada, hanging.url, 12);
    await until(() => hanging.received.length === 3);
    // The receiver gets three of the twelve webhooks. The sender parks the nine others.
    const parked = async () => (await keyed.webhooks.depths())['delayed'];
    await until(async () => (await parked()) === 9);
    const [job] = await ended(keyed, bob, quick.url, 1);
    await until(() => quick.received.length === 1);
    expect(quick.received.map(idOf)).toEqual([job?.id]);
    expect(hanging.received).toHaveLength(3);
  });

  test('delays no webhook of another key if all jobs ended before the sender started', async ({ keyed, stage: { send, receive } }) => {
    const [hanging, quick] = [await receive(() => undefined), await receive()];
    await ended(keyed, ada, hanging.url, 12);
    await ended(keyed, bob, quick.url, 1);
    send({ timeoutMs: never, places: 5, placesPerKey: 3 });
    await until(() => quick.received.length === 1);
    await until(() => hanging.received.length === 3);
  });

  test('gets each webhook again until it is delivered', async ({ keyed, stage: { send, receive } }) => {
    send({ timeoutMs: 200, placesPerKey: 2 });
    const tries = new Map<string, number>();
    const receiver = await receive((response, index) => {
      const id = idOf(receiver.received[index]);
      const count = (tries.get(id) ?? 0) + 1;
      tries.set(id, count);
      // The first attempt never gets a response.
      if (count > 1) response.writeHead(count === 2 ? 500 : 204).end();
    });
    const jobs = await ended(keyed, ada, receiver.url, 9);
    await until(async () => {
      const shown = await Promise.all(jobs.map(async ({ id }) => (await keyed.get(`/jobs/${id}`, bearer(ada))).json<Job>()));
      return shown.every(({ webhook }) => webhook?.status === 'delivered');
    });
    expect(new Set(tries.keys())).toEqual(new Set(jobs.map(({ id }) => id)));
  });
});

test('webhooks of one key never use more places than it has, and each is delivered once', async ({
  keyed,
  redis,
  stage: { send, receive },
}) => {
  let [active, most] = [0, 0];
  const receiver = await receive((response) => {
    active += 1;
    most = Math.max(most, active);
    setImmediate(() => {
      active -= 1;
      response.writeHead(204).end();
    });
  });
  send({ placesPerKey: 2 });
  const jobs = await ended(keyed, ada, receiver.url, 30);
  await until(() => receiver.received.length === jobs.length);
  expect(new Set(receiver.received.map(idOf))).toEqual(new Set(jobs.map(({ id }) => id)));
  expect(most).toBeLessThanOrEqual(2);
  const connection = redis.connect();
  await until(async () => (await connection.exists(redisKeys(redis.prefix).parkedOwners)) === 0);
  expect(receiver.received).toHaveLength(jobs.length);
});

test('webhooks that a process parked are sent by another process after it stopped', async ({ keyed, stage: { send, receive } }) => {
  const receiver = await receive((response, index) => {
    if (index > 0) response.writeHead(204).end();
  });
  const first = send({ timeoutMs: never, placesPerKey: 1 });
  const jobs = await ended(keyed, ada, receiver.url, 4);
  await until(async () => (await keyed.webhooks.depths())['delayed'] === 3);
  await first.close();
  send({ placesPerKey: 1 });
  await until(() => new Set(receiver.received.slice(1).map(idOf)).size === jobs.length);
});
