// The events of a job as a client sees them: as a stream that can break anywhere and goes on where it broke, and as
// pages. The events are those of the job store on a real Redis; this test is the worker.
import { eventPage, type JobEvent, type Problem, type StoredEvent } from '@trainyard/contracts';
import type { JobAttempt } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { appendLine, createJob, metricsOf, result, startJob } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { openStream, type StreamClient } from './fixtures/eventSource.ts';

const ended = { status: 'succeeded', result } as const;

function epochsOf(client: StreamClient): number[] {
  return client.events.filter((event) => event.event === 'epoch').map((event) => (JSON.parse(event.data) as { epoch: number }).epoch);
}

function statusesOf(client: StreamClient): string[] {
  return client.events.filter((event) => event.event === 'status').map((event) => (JSON.parse(event.data) as { status: string }).status);
}

async function trainEpochs(attempt: JobAttempt, first: number, last: number): Promise<void> {
  for (let epoch = first; epoch <= last; epoch++) await attempt.appendEpoch(metricsOf(epoch));
}

async function urlOf(api: TestApi, jobId: string): Promise<string> {
  return `${await api.listen()}/jobs/${jobId}/events`;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe('as a stream', () => {
  test('a job is told from the beginning to the final status, and there the stream ends', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await trainEpochs(attempt, 1, 3);
    const client = await openStream(await urlOf(api, attempt.jobId));
    await client.until(() => epochsOf(client).length === 3);
    await trainEpochs(attempt, 4, 6);
    await attempt.finish(ended);
    await client.ended();

    expect(client.status).toBe(200);
    expect(client.headers.get('content-type')).toBe('text/event-stream');
    expect(client.headers.get('x-request-id')).not.toBeNull();
    expect(client.headers.get('cache-control')).toContain('no-cache');
    expect(client.retries).toEqual([2000]);
    expect(statusesOf(client)).toEqual(['queued', 'running', 'succeeded']);
    expect(epochsOf(client)).toEqual(range(1, 6));
    expect(client.events.at(-1)?.id).toMatch(/^\d+-\d+$/);
    expect(JSON.parse(client.events[2]?.data ?? '')).toMatchObject({ jobId: attempt.jobId, epoch: 1, epochs: 20, trainLoss: 1 });
  });

  test.for(['last-event-id', 'after'])(
    'a client that was cut off after epoch 7 gets 8 to 20 once each by %s, and 204 after the end',
    async (by, { api }) => {
      const attempt = await startJob(api.jobs);
      const url = await urlOf(api, attempt.jobId);
      const open = async (id: string) =>
        by === 'after' ? await openStream(`${url}?after=${id}`) : await openStream(url, { 'last-event-id': id });

      const first = await openStream(url);
      await trainEpochs(attempt, 1, 7);
      await first.until(() => epochsOf(first).length === 7);
      first.leave();

      await trainEpochs(attempt, 8, 10);
      const second = await open(first.events.at(-1)?.id ?? '');
      await second.until(() => epochsOf(second).length === 3);
      await trainEpochs(attempt, 11, 20);
      await attempt.finish(ended);
      await second.ended();
      expect(epochsOf(second)).toEqual(range(8, 20));
      expect(statusesOf(second)).toEqual(['succeeded']);

      const third = await open(second.events.at(-1)?.id ?? '');
      expect(third.status).toBe(204);
      expect(third.events).toEqual([]);
    },
  );

  redisTest(
    'a client may come back to another process, also when a second worker had to begin again',
    async ({ redis, onTestFinished }) => {
      const [here, there] = [await openApi(redis), await openApi(redis)];
      onTestFinished(async () => void (await Promise.all([here.close(), there.close()])));
      const lost = await startJob(here.jobs);
      const first = await openStream(await urlOf(here, lost.jobId));
      await trainEpochs(lost, 1, 4);
      await first.until(() => epochsOf(first).length === 4);
      await here.close();
      await first.ended().catch(() => undefined);

      const claimed = await there.jobs.store.claim(lost.jobId, 'worker-2');
      if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
      const second = await openStream(await urlOf(there, lost.jobId), { 'last-event-id': first.events.at(-1)?.id ?? '' });
      await trainEpochs(lost, 5, 5);
      await trainEpochs(claimed.attempt, 1, 8);
      await claimed.attempt.finish(ended);
      await second.ended();
      expect([...epochsOf(first), ...epochsOf(second)]).toEqual(range(1, 8));
    },
  );

  test('steps are seen live, without an id, by those who watch', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const client = await openStream(await urlOf(api, attempt.jobId));
    await client.until(() => statusesOf(client).includes('running'));
    // A reader is told live once it has caught up, and nothing says when that is: so steps are told until one arrives.
    for (let step = 1; client.events.every((event) => event.event !== 'step'); step++) {
      await attempt.publishStep({ epoch: 1, step, stepsPerEpoch: 1_000_000, loss: 0.5 });
    }
    const event = client.events.find(({ event }) => event === 'step');
    expect(event?.id).toBeUndefined();
    expect(JSON.parse(event?.data ?? '')).toMatchObject({ jobId: attempt.jobId, epoch: 1, loss: 0.5 });
    client.leave();
  });

  redisTest('sends a comment as heartbeat while nothing happens', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { heartbeatMs: 20 });
    onTestFinished(async () => await api.close());
    const client = await openStream(await urlOf(api, await createJob(api.jobs)));
    await client.until(() => client.comments.length >= 3);
    expect(statusesOf(client)).toEqual(['queued']);
    client.leave();
  });

  test('is forgotten as soon as its client leaves', async ({ api }) => {
    const url = await urlOf(api, await createJob(api.jobs));
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await openStream(url)));
    await Promise.all(clients.map(async (client) => await client.until(() => client.events.length === 1)));
    expect(api.eventHub.followers).toBe(20);
    for (const client of clients) client.leave();
    await expect.poll(() => api.eventHub.followers).toBe(0);
  });

  redisTest(
    'a client that does not read is cut off when its buffer is full, and misses nothing when it comes back',
    async ({ redis, onTestFinished }) => {
      const api = await openApi(redis, { eventBufferSize: 100 });
      onTestFinished(async () => await api.close());
      const attempt = await startJob(api.jobs);
      const url = await urlOf(api, attempt.jobId);
      const slow = await fetch(url, { headers: { accept: 'text/event-stream' } });
      const quick = await openStream(url);
      let logged = 0;
      // 4 KiB each: the socket's buffers take a few MiB before the server notices that nobody reads.
      const line = 'x'.repeat(4_000);
      while (api.eventHub.followers === 2) {
        await Promise.all(range(1, 50).map(async () => await appendLine(attempt, 'info', line)));
        logged += 50;
        await quick.until(() => quick.events.length >= 2 + logged);
      }
      await attempt.finish(ended);
      await quick.ended();
      expect(quick.events).toHaveLength(logged + 3);

      const read: string[] = [];
      await expect(
        (async () => {
          const decoder = new TextDecoder();
          for await (const chunk of (slow.body ?? []) as AsyncIterable<Uint8Array>) read.push(decoder.decode(chunk, { stream: true }));
        })(),
      ).rejects.toThrow();
      const ids = [...read.join('').matchAll(/^id: (.*)\nevent: .*\ndata: .*\n\n/gm)].map((match) => match[1] ?? '');
      const again = await openStream(url, { 'last-event-id': ids.at(-1) ?? '' });
      await again.ended();
      expect([...ids, ...again.events.map((event) => event.id)]).toEqual(quick.events.map((event) => event.id));
    },
  );

  test('has no limit', async ({ api }) => {
    const response = await api.get(`/jobs/${await createJob(api.jobs)}/events?limit=5`, { accept: 'text/event-stream' });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '?limit' }]);
  });
});

describe('as JSON', () => {
  const page = async (api: TestApi, url: string) => {
    const response = await api.get(url);
    expect(response.statusCode).toBe(200);
    return eventPage.parse(response.json());
  };

  test.for([undefined, '*/*', 'application/json', 'text/event-stream;q=0.5, application/json'])(
    'is what Accept: %s gets',
    async (accept, { api }) => {
      const jobId = await createJob(api.jobs);
      const response = await api.get(`/jobs/${jobId}/events`, accept === undefined ? {} : { accept });
      expect(response.headers['content-type']).toMatch(/^application\/json/);
      expect(eventPage.parse(response.json()).data).toMatchObject([{ event: 'status', data: { jobId, status: 'queued' } }]);
    },
  );

  test('a poller that passes nextCursor on gets every event once, until it is null', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const url = `/jobs/${attempt.jobId}/events?limit=4`;
    const seen: StoredEvent[] = [];
    let cursor: string | null = null;
    let epochs = 0;
    do {
      const { data, nextCursor }: { data: StoredEvent[]; nextCursor: string | null } = await page(
        api,
        cursor === null ? url : `${url}&after=${cursor}`,
      );
      seen.push(...data);
      cursor = nextCursor;
      if (epochs < 20) await trainEpochs(attempt, epochs + 1, (epochs += 5));
      else await attempt.finish(ended);
    } while (cursor !== null);
    expect(seen.filter((event) => event.event === 'epoch').map((event) => event.data.epoch)).toEqual(range(1, 20));
    expect(seen.at(-1)).toMatchObject({ event: 'status', data: { status: 'succeeded' } });
  });

  test('a poller that has everything of a running job keeps its place', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await trainEpochs(attempt, 1, 2);
    const all = await page(api, `/jobs/${attempt.jobId}/events`);
    expect(all.nextCursor).toBe(all.data.at(-1)?.id);
    expect(await page(api, `/jobs/${attempt.jobId}/events?after=${all.nextCursor ?? ''}`)).toEqual({
      data: [],
      nextCursor: all.nextCursor,
    });
  });

  test('has the same events and ids as the stream', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await trainEpochs(attempt, 1, 5);
    await attempt.finish(ended);
    const client = await openStream(await urlOf(api, attempt.jobId));
    await client.ended();
    const { data } = await page(api, `/jobs/${attempt.jobId}/events`);
    const streamed = client.events.map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) as JobEvent['data'] }));
    expect(streamed).toEqual(data);
  });

  test('can be of some types only', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await appendLine(attempt, 'warn', 'careful');
    await trainEpochs(attempt, 1, 3);
    await attempt.finish(ended);
    const url = `/jobs/${attempt.jobId}/events`;
    expect((await page(api, `${url}?type=epoch,log`)).data.map((event) => event.event)).toEqual(['log', 'epoch', 'epoch', 'epoch']);
    const first = await page(api, `${url}?type=epoch&limit=2`);
    expect(first.data).toHaveLength(2);
    expect(await page(api, `${url}?type=epoch&limit=2&after=${first.nextCursor ?? ''}`)).toMatchObject({
      data: [{ data: { epoch: 3 } }],
      nextCursor: null,
    });
  });

  test('clamps the limit to 1000', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    await Promise.all(range(1, 1_001).map(async (line) => await appendLine(attempt, 'info', String(line))));
    expect((await page(api, `/jobs/${attempt.jobId}/events?limit=5000`)).data).toHaveLength(1_000);
  });

  test.for([
    ['?type=step', '?type', /status/],
    ['?after=1', '?after', /./],
    ['?after=1-0&after=2-0', '?after', /./],
    ['?limit=-1', '?limit', /-1/],
    ['?types=epoch', '?types', /did you mean "type"/],
  ] as const)('refuses %s and names it', async ([query, path, message], { api }) => {
    const response = await api.get(`/jobs/${await createJob(api.jobs)}/events${query}`);
    expect(response.statusCode).toBe(422);
    const [issue] = response.json<Problem>().errors ?? [];
    expect(issue?.path.startsWith(path)).toBe(true);
    expect(issue?.message).toMatch(message);
  });
});
