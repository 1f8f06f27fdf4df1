// Places in a job's events: what a filter hides, what an empty page leaves, and ids that the job does not have.
import { eventPage, type Problem } from '@trainyard/contracts';
import { redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { appendLine, createJob, metricsOf, result, startJob } from '../support/jobs.ts';
import { hasRedisProcess } from '../support/redis.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { openStream, type StreamClient } from './fixtures/eventSource.ts';

const ended = { status: 'succeeded', result } as const;
const types = ['status', 'epoch', 'gradients', 'checkpoint', 'log'] as const;

async function page(api: TestApi, jobId: string, query: string) {
  const response = await api.get(`/jobs/${jobId}/events${query}`);
  expect(response.statusCode, response.body).toBe(200);
  return eventPage.parse(response.json());
}

async function stream(api: TestApi, jobId: string, query: string, lastId?: string): Promise<StreamClient> {
  return await openStream(`${await api.listen()}/jobs/${jobId}/events${query}`, lastId === undefined ? {} : { 'last-event-id': lastId });
}

const namesOf = (client: StreamClient): string[] =>
  client.events.map(({ event, data }) => {
    const { status, epoch } = JSON.parse(data) as { status?: string; epoch?: number };
    return `${event} ${status ?? epoch}`;
  });

/** The id of a job's last event so far. */
async function lastIdOf(api: TestApi, jobId: string): Promise<string> {
  return (await api.jobs.log.head(jobId))?.lastId ?? '';
}

describe('a page of some types', () => {
  test.for(types)('of a job that waits, type=%s, has a cursor, and what comes later comes after it', async (type, { api }) => {
    const jobId = await createJob(api.jobs);
    const first = await page(api, jobId, `?type=${type}`);
    expect(first.data).toHaveLength(type === 'status' ? 1 : 0);
    expect(first.nextCursor).toBe(await lastIdOf(api, jobId));
    await api.jobs.store.act('cancel', jobId);
    const rest = await page(api, jobId, `?type=status,${type}&after=${first.nextCursor ?? ''}`);
    expect(rest).toMatchObject({ data: [{ event: 'status', data: { status: 'cancelled' } }], nextCursor: null });
  });

  test('has a cursor after the last event that was read, also one of another type', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await attempt.appendEpoch(metricsOf(1));
    for (let line = 1; line <= 3; line++) await appendLine(attempt, 'info', `line ${line}`);
    const lastId = await lastIdOf(api, attempt.jobId);
    expect(await page(api, attempt.jobId, '?type=epoch')).toMatchObject({ data: [{ data: { epoch: 1 } }], nextCursor: lastId });
    expect(await page(api, attempt.jobId, `?type=epoch&after=${lastId}`)).toEqual({ data: [], nextCursor: lastId });
  });

  test('that is full goes on with the next event of its type, up to a null cursor at the end', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    for (let epoch = 1; epoch <= 5; epoch++) {
      await attempt.appendEpoch(metricsOf(epoch));
      await appendLine(attempt, 'info', 'hidden');
    }
    await attempt.finish(ended);
    const epochs: number[] = [];
    let cursor: string | null = null;
    do {
      const { data, nextCursor }: Awaited<ReturnType<typeof page>> = await page(
        api,
        attempt.jobId,
        `?type=epoch&limit=2${cursor === null ? '' : `&after=${cursor}`}`,
      );
      epochs.push(...data.flatMap((event) => (event.event === 'epoch' ? [event.data.epoch] : [])));
      cursor = nextCursor;
    } while (cursor !== null);
    expect(epochs).toEqual([1, 2, 3, 4, 5]);
  });

  // The embedded Redis needs half a minute of CPU time for 12,000 events.
  test.skipIf(!hasRedisProcess)(
    'reads a limited number of events, and has a cursor with which the next page continues',
    async ({ api, redis }) => {
      const attempt = await startJob(api.jobs);
      const pipeline = redis.connect().pipeline();
      const stream = redisKeys(redis.prefix).events(attempt.jobId);
      const data = JSON.stringify({ jobId: attempt.jobId, epoch: 1 });
      for (let at = 0; at < 12_000; at++) pipeline.xadd(stream, '*', 'event', 'gradients', 'data', data);
      await pipeline.exec();
      await appendLine(attempt, 'info', 'the last one');
      await attempt.finish(ended);
      const first = await page(api, attempt.jobId, '?type=log');
      expect(first.data).toEqual([]);
      expect(await page(api, attempt.jobId, `?type=log&after=${first.nextCursor ?? ''}`)).toMatchObject({
        data: [{ data: { message: 'the last one' } }],
        nextCursor: null,
      });
    },
  );
});

describe('a stream of some types', () => {
  test.for([...types.filter((type) => type !== 'status'), 'epoch,log'])(
    'type=%s, ends with the final status, whose id gets a 204',
    async (type, { api }) => {
      const attempt = await startJob(api.jobs);
      await attempt.appendEpoch(metricsOf(1));
      const client = await stream(api, attempt.jobId, `?type=${type}`);
      await attempt.appendEpoch(metricsOf(2));
      await attempt.finish(ended);
      await client.ended();
      const epochs = type.includes('epoch') ? ['epoch 1', 'epoch 2'] : [];
      expect(namesOf(client)).toEqual([...epochs, 'status succeeded']);
      expect((await stream(api, attempt.jobId, `?type=${type}`, client.events.at(-1)?.id)).status).toBe(204);
    },
  );

  test('of a job that has ended sends the final status to a client whose last id is that of an epoch', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await attempt.appendEpoch(metricsOf(1));
    const epochId = await lastIdOf(api, attempt.jobId);
    await appendLine(attempt, 'info', 'hidden');
    await attempt.finish(ended);
    const client = await stream(api, attempt.jobId, '?type=epoch', epochId);
    await client.ended();
    expect(namesOf(client)).toEqual(['status succeeded']);
  });

  test('sends the ids of events of other types, so that a client that reconnects begins after them', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await attempt.appendEpoch(metricsOf(1));
    await appendLine(attempt, 'info', 'hidden');
    const lastId = await lastIdOf(api, attempt.jobId);
    const controller = new AbortController();
    const response = await fetch(`${await api.listen()}/jobs/${attempt.jobId}/events?type=epoch`, {
      headers: { accept: 'text/event-stream' },
      signal: controller.signal,
    });
    let text = '';
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.endsWith(`\n\nid: ${lastId}\n\n`)) break;
    }
    expect(text).not.toContain('hidden');
    controller.abort();
  });
});

describe('an id', () => {
  test('from the future counts as the last event, so that no new event is missed', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const future = '9999999999999-0';
    const lastId = await lastIdOf(api, attempt.jobId);
    expect(await page(api, attempt.jobId, `?after=${future}`)).toEqual({ data: [], nextCursor: lastId });
    const client = await stream(api, attempt.jobId, '', future);
    await attempt.appendEpoch(metricsOf(1));
    await attempt.finish(ended);
    await client.ended();
    expect(namesOf(client)).toEqual(['epoch 1', 'status succeeded']);
    expect((await stream(api, attempt.jobId, '', future)).status).toBe(204);
    expect(await page(api, attempt.jobId, `?after=${future}`)).toEqual({ data: [], nextCursor: null });
  });

  test('of another job is a place in time', async ({ api }) => {
    const [earlier, attempt] = [await createJob(api.jobs), await startJob(api.jobs)];
    const cursor = await lastIdOf(api, earlier);
    await attempt.appendEpoch(metricsOf(1));
    const { data } = await page(api, attempt.jobId, `?after=${cursor}`);
    expect(data.map(({ event }) => event)).toEqual(['status', 'status', 'epoch']);
  });

  test.for(['', '1', 'x-1', '1-0-0', '-1-0', '1-0%20', '18446744073709551616-0', '%00'])(
    'that is none, "%s", is a 422 in ?after=',
    async (id, { api }) => {
      const response = await api.get(`/jobs/${await createJob(api.jobs)}/events?after=${id}`);
      expect(response.statusCode).toBe(422);
      expect(response.json<Problem>().errors?.[0]?.path).toBe('?after');
    },
  );

  test('that is empty in Last-Event-ID counts as none', async ({ api }) => {
    const jobId = await createJob(api.jobs);
    await api.jobs.store.act('cancel', jobId);
    const client = await stream(api, jobId, '', '');
    await client.ended();
    expect(namesOf(client)).toEqual(['status queued', 'status cancelled']);
  });
});

test('the stream of a job that is deleted while a client catches up ends', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  const line = 'x'.repeat(4_000);
  // More than the buffers of the connection hold.
  for (let at = 0; at < 40; at++) await Promise.all(Array.from({ length: 50 }, async () => await appendLine(attempt, 'info', line)));
  await attempt.finish(ended);
  const response = await fetch(`${await api.listen()}/jobs/${attempt.jobId}/events`, { headers: { accept: 'text/event-stream' } });
  await api.jobs.store.delete(attempt.jobId);
  const text = await response.text();
  // There is no event if the job is deleted before its first page is read.
  expect((text.match(/^id: /gm) ?? []).length).toBeLessThanOrEqual(2_003);
  const again = await stream(api, attempt.jobId, '', '0-0');
  expect(again.status).toBe(404);
});
