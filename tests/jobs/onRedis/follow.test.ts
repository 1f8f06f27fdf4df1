// Tests that a follower of a job gets each event once and in order, from any starting point. Also tests watches for cancel and pause requests.
import {
  closeRedis,
  connectRedis,
  type EncodedEvent,
  EventHub,
  type Follower,
  type JobAttempt,
  redisKeys,
  type ActionRequest,
  ActionRequests,
} from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { createJob, metricsOf, openHub, openJobs, result, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import { TcpProxy } from '../../worker/fixtures/tcpProxy.ts';

const noSignal = new AbortController().signal;

/** Describes an event in short: `status running`, `epoch 3`, `step`. */
function named({ event, data }: EncodedEvent): string {
  const { status, epoch } = JSON.parse(data) as { readonly status?: string; readonly epoch?: number };
  return event === 'status' ? `status ${status}` : event === 'epoch' ? `epoch ${epoch}` : event;
}

async function collect(follower: Follower): Promise<string[]> {
  const names: string[] = [];
  for await (const { events } of follower) names.push(...events.map(named));
  return names;
}

async function train(attempt: JobAttempt, from: number, to: number): Promise<void> {
  for (let epoch = from; epoch <= to; epoch++) await attempt.appendEpoch(metricsOf(epoch));
}

function epochs(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `epoch ${from + index}`);
}

describe('a follower', () => {
  test('of an ended job gets all its events and ends', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await train(attempt, 1, 20);
    await attempt.finish({ status: 'succeeded', result });
    const hub = openHub(redis);
    const follower = hub.follow(attempt.jobId, { signal: noSignal });
    expect(await collect(follower)).toEqual(['status queued', 'status running', ...epochs(1, 20), 'status succeeded']);
    expect(follower.outcome).toBe('ended');
    expect(hub.followers).toBe(0);
    await hub.close();
  });

  test('that reconnects after the final event ends at once', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    await jobs.store.act('cancel', jobId);
    const { data } = await jobs.log.range(jobId, { limit: 10 });
    const hub = openHub(redis);
    const follower = hub.follow(jobId, { after: data.at(-1)?.id ?? '', signal: noSignal });
    expect(await collect(follower)).toEqual([]);
    expect(follower.outcome).toBe('ended');
    await hub.close();
  });

  test('gets new events as they happen, starting after the event that it names', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await train(attempt, 1, 7);
    const { data } = await jobs.log.range(attempt.jobId, { limit: 100 });
    const hub = openHub(redis);
    const follower = hub.follow(attempt.jobId, { after: data.at(-1)?.id ?? '', signal: noSignal });
    const collected = collect(follower);
    await train(attempt, 8, 20);
    await attempt.finish({ status: 'succeeded', result });
    expect(await collected).toEqual([...epochs(8, 20), 'status succeeded']);
    await hub.close();
  });

  test('misses and repeats no event, whenever it starts', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const hub = openHub(redis);
    const collected: Promise<string[]>[] = [];
    for (let epoch = 1; epoch <= 60; epoch++) {
      const appended = attempt.appendEpoch(metricsOf(epoch));
      collected.push(collect(hub.follow(attempt.jobId, { signal: noSignal })));
      await appended;
    }
    await attempt.finish({ status: 'succeeded', result });
    const whole = ['status queued', 'status running', ...epochs(1, 60), 'status succeeded'];
    for (const names of await Promise.all(collected)) expect(names).toEqual(whole);
    await hub.close();
  });

  test('gets steps only live and without an id', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const hub = openHub(redis);
    const steps: EncodedEvent[] = [];
    const watching = (async () => {
      for await (const { events } of hub.follow(attempt.jobId, { signal: noSignal }))
        steps.push(...events.filter(({ event }) => event === 'step'));
    })();
    // Steps are not stored. So the step is published again until the follower is live.
    await until(async () => {
      await attempt.publishStep({ epoch: 1, step: 3, stepsPerEpoch: 8, loss: 0.5 });
      return steps.length > 0;
    });
    expect(steps[0]).toEqual({
      event: 'step',
      data: JSON.stringify({ jobId: attempt.jobId, epoch: 1, step: 3, stepsPerEpoch: 8, loss: 0.5 }),
    });
    await attempt.finish({ status: 'succeeded', result });
    await watching;
    const late = await collect(hub.follow(attempt.jobId, { signal: noSignal }));
    expect(late).toEqual(['status queued', 'status running', 'status succeeded']);
    await hub.close();
  });

  test('that stops reading is ended when its buffer is full, and can continue with its last id', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const hub = openHub(redis, 30);
    const slow = hub.follow(attempt.jobId, { signal: noSignal });
    const reading = slow[Symbol.asyncIterator]();
    const names: string[] = [];
    let lastId = '';
    const take = async (): Promise<boolean> => {
      const { value, done } = await reading.next();
      if (done === true || value === undefined) return false;
      names.push(...value.events.map(named));
      lastId = value.lastId ?? lastId;
      return true;
    };
    await take();
    // A follower that still reads stored events has no buffer to fill. It is live when it returns steps for the second time.
    const steps = (): number => names.filter((name) => name === 'step').length;
    for (const before of [0, 1]) {
      const taken = take();
      await until(async () => {
        await attempt.publishStep({ epoch: 1, step: 1, stepsPerEpoch: 2, loss: 1 });
        return steps() > before;
      });
      await taken;
    }
    await train(attempt, 1, 40);
    await until(() => slow.outcome !== null);
    expect(slow.outcome).toBe('overflow');
    expect(hub.followers).toBe(0);
    while (await take());
    await attempt.finish({ status: 'succeeded', result });
    const rest = await collect(hub.follow(attempt.jobId, { after: lastId, signal: noSignal }));
    expect([...names.filter((name) => name !== 'step'), ...rest]).toEqual([
      'status queued',
      'status running',
      ...epochs(1, 40),
      'status succeeded',
    ]);
    await hub.close();
  });

  test('ends when its signal is aborted, when its reader stops, and when the hub is closed', async ({ redis }) => {
    const jobs = openJobs(redis);
    const { jobId } = await startJob(jobs);
    const hub = openHub(redis);
    const controller = new AbortController();
    const aborted = hub.follow(jobId, { signal: controller.signal });
    for await (const _event of aborted) controller.abort();
    expect(aborted.outcome).toBe('aborted');
    const left = hub.follow(jobId, { signal: noSignal });
    for await (const _event of left) break;
    expect(left.outcome).toBe('aborted');
    const closed = hub.follow(jobId, { signal: noSignal });
    const ended = collect(closed);
    await hub.close();
    expect(await ended).toEqual([]);
    expect(closed.outcome).toBe('closed');
    expect(hub.followers).toBe(0);
  });

  test('shares two connections with all other followers', async ({ redis, onTestFinished }) => {
    const attempt = await startJob(openJobs(redis));
    // A proxy that only the hub uses.
    const line = await TcpProxy.open(redis.url);
    onTestFinished(async () => await line.close());
    const connections = (['worker', 'subscriber'] as const).map((role) => connectRedis(line.url(redis.url), { role }));
    const [commands, subscriber] = connections;
    const hub = new EventHub({ redis: commands, subscriber, prefix: redis.prefix });
    let begun = 0;
    const follow = async (): Promise<string[]> => {
      const names: string[] = [];
      for await (const { events } of hub.follow(attempt.jobId, { signal: noSignal })) {
        if (names.length === 0) begun += 1;
        names.push(...events.map(named));
      }
      return names;
    };
    const followers = Array.from({ length: 200 }, follow);
    await until(() => begun === 200);
    expect(hub.followers).toBe(200);
    expect(line.connections).toBe(2);
    await attempt.finish({ status: 'succeeded', result });
    for (const names of await Promise.all(followers)) expect(names).toEqual(['status queued', 'status running', 'status succeeded']);
    await hub.close();
    await Promise.all(connections.map(closeRedis));
  });
});

describe('a watch over a running job', () => {
  const openBus = (redis: Parameters<typeof openHub>[0]) =>
    new ActionRequests({ redis: redis.connect(), subscriber: redis.connect('subscriber'), prefix: redis.prefix });

  /** Collects the requests that a watch reports. */
  const watched = (bus: ActionRequests, jobId: string): Set<ActionRequest> => {
    const requests = new Set<ActionRequest>();
    bus.watch(jobId, (request) => requests.add(request));
    return requests;
  };

  test('is notified when its job is cancelled or paused, and not for other jobs', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [one, other, third] = [await startJob(jobs), await startJob(jobs), await startJob(jobs)];
    const bus = openBus(redis);
    const [requests, otherRequests, thirdRequests] = [one, other, third].map(({ jobId }) => watched(bus, jobId));
    await jobs.store.act('cancel', one.jobId);
    await until(() => requests.has('cancel'));
    await jobs.store.act('pause', third.jobId);
    await until(() => thirdRequests.has('pause'));
    await jobs.store.act('cancel', third.jobId);
    await until(() => thirdRequests.has('cancel'));
    expect(otherRequests).toEqual(new Set());
    await bus.close();
  });

  test('notices a request from before its start', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [before, attempt] = [await startJob(jobs), await startJob(jobs)];
    const bus = openBus(redis);
    const standing = watched(bus, before.jobId);
    await jobs.store.act('cancel', before.jobId);
    await until(() => standing.has('cancel'));
    await jobs.store.act('pause', attempt.jobId);
    const requests = watched(bus, attempt.jobId);
    await until(() => requests.has('pause'));
    await bus.close();
  });

  test('ignores a message about a job whose record has no request', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [attempt, later] = [await startJob(jobs), await startJob(jobs)];
    const bus = openBus(redis);
    const [requests, laterRequests] = [watched(bus, attempt.jobId), watched(bus, later.jobId)];
    await redis.connect().publish(redisKeys(redis.prefix).actionChannel, attempt.jobId);
    await jobs.store.act('cancel', later.jobId);
    await until(() => laterRequests.has('cancel'));
    expect(requests).toEqual(new Set());
    await bus.close();
  });
});
