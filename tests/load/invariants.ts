// Checks what must be true at the end of a load run, through every API process, in Redis and in the shared folder.
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type EventPage, isFinal, type Job, type StoredEvent, type Sweep } from '@trainyard/contracts';
import { closeRedis, compareEventIds, connectRedis, redisKeys, servicePrefix, TrainQueue } from '@trainyard/jobs';
import type { Client } from './client.ts';
import type { Fleet } from './fleet.ts';
import { readList } from './otherActs.ts';

/** How long running jobs, sweeps and removals may take to finish, in ms. */
const longestDrainMs = 180_000;

/** Waits until all accepted jobs have ended, and adds the jobs of sweeps to the expected jobs. */
export async function drain(client: Client): Promise<void> {
  const { ledger } = client;
  for (const id of ledger.kept()) await client.until(id);
  for (const [id, count] of ledger.sweeps) {
    for (const end = performance.now() + longestDrainMs; ; await delay(200)) {
      const sweep = (await client.ask({ operation: 'GET /sweeps/{id}', path: `/sweeps/${id}`, expect: [200] })).body as Sweep;
      if (sweep.finishedAt === null && performance.now() < end) continue;
      const isCancelled = sweep.status === 'cancelled';
      ledger.check(isCancelled || sweep.status === 'succeeded', `a sweep of ${count} jobs is ${sweep.status}`);
      ledger.check(isCancelled || sweep.trials.length === count, `a sweep of ${count} jobs has ${sweep.trials.length}`);
      for (const { job, epochs } of sweep.trials) {
        const { spec } = await client.get(job);
        ledger.promise(job, { ...spec, name: null, labels: null }, epochs, isCancelled ? ['succeeded', 'cancelled'] : ['succeeded']);
      }
      break;
    }
  }
}

/** Each accepted job exists once and has the expected final status, and equal specs have equal weights. */
export async function checkJobs(client: Client): Promise<readonly Job[]> {
  const { ledger } = client;
  const kept = ledger.kept();
  const listed = await readList(client, '');
  ledger.check(new Set(listed).size === listed.length, 'the final list contains a job twice');
  for (const id of kept) ledger.check(listed.includes(id), 'an accepted job is missing');
  for (const id of listed) ledger.check(kept.includes(id), 'the list contains a job that no response named, or a deleted one');
  const weights = new Map<string, Set<string>>();
  const jobs: Job[] = [];
  for (const id of kept) {
    const job = await client.get(id);
    jobs.push(job);
    const promised = ledger.jobs.get(id);
    if (promised === undefined) continue;
    const fits = promised.ends.includes(job.status);
    ledger.check(
      fits,
      `a job that must be ${promised.ends.join(' or ')} is ${job.status}${job.error === null ? '' : `: ${job.error.message}`}`,
    );
    if (job.result === null) continue;
    weights.set(promised.spec, (weights.get(promised.spec) ?? new Set()).add(job.result.weightsSha256));
  }
  for (const digests of weights.values()) ledger.check(digests.size === 1, `one spec has ${digests.size} different weights`);
  return jobs;
}

/** Each stream has every epoch once and in order and ends with the final status, and its readers have got the same events. */
export async function checkStreams(client: Client, jobs: readonly Job[]): Promise<number> {
  const { ledger } = client;
  let epochs = 0;
  for (const job of jobs) {
    const events = await storedEvents(client, job.id);
    const numbers = events.flatMap((event) => (event.event === 'epoch' ? [event.data.epoch] : []));
    epochs += numbers.length;
    ledger.check(
      numbers.every((epoch, at) => epoch === at + 1),
      'a stream has an epoch twice or in the wrong order',
    );
    const promised = ledger.jobs.get(job.id)?.epochs ?? 0;
    ledger.check(job.status !== 'succeeded' || numbers.length === promised, `a stream has ${numbers.length} of ${promised} epochs`);
    const statuses = events.flatMap((event) => (event.event === 'status' ? [event.data.status] : []));
    ledger.check(
      statuses.filter(isFinal).length === 1 && events.at(-1)?.event === 'status',
      'a stream does not end with a single final status',
    );
    ledger.check(statuses.at(-1) === job.status, 'a stream ends with another status than its job');
    const ids = events.map(({ id }) => id);
    ledger.check(
      ids.every((id, at) => at === 0 || compareEventIds(ids[at - 1] ?? '', id) < 0),
      'the ids of a stream are not ascending',
    );
    for (const heard of ledger.streams.filter(({ jobId }) => jobId === job.id)) {
      ledger.check(heard.ids.join() === ids.join(), 'a reader that reconnected did not get each event once');
    }
  }
  return epochs;
}

async function storedEvents(client: Client, jobId: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const cursor = after === '' ? '' : `&after=${after}`;
    const path = `/jobs/${jobId}/events?limit=1000${cursor}`;
    const page = (await client.ask({ operation: 'GET /jobs/{id}/events', path, expect: [200] })).body as EventPage;
    events.push(...page.data);
    after = page.nextCursor;
  }
  return events;
}

/** No stream is open, nothing waits, and neither Redis nor the folder contains data of deleted jobs. */
export async function checkLeftovers(client: Client, fleet: Fleet, jobs: readonly Job[]): Promise<void> {
  const { ledger } = client;
  const redis = connectRedis(fleet.redis.url, { role: 'worker' });
  const queue = new TrainQueue({ redis, prefix: servicePrefix });
  const keys = redisKeys(servicePrefix);
  const there = new Set(jobs.map(({ id }) => id));
  try {
    const pending = async (): Promise<string[]> => {
      const waiting = [keys.waitingOwners, keys.interrupted, keys.actionRequests, keys.ended, keys.reservedFiles];
      const counts = await Promise.all(waiting.map(async (key) => [key, await redis.zcard(key)] as const));
      const found = [...counts, ...Object.entries(await queue.depths()).map(([state, count]) => [`queue ${state}`, count] as const)];
      for (const url of fleet.urls) {
        const streams = /^trainyard_event_streams (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
        found.push(['open event streams', Number(streams)]);
      }
      return found.filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`);
    };
    // The service updates some of these values only every few seconds.
    for (const end = performance.now() + 20_000; (await pending()).length > 0 && performance.now() < end; ) await delay(250);
    for (const what of await pending()) ledger.violated(`left behind: ${what}`);
    const ofJobs = new RegExp(`^${keys.tag.replace(/[{}]/g, '\\$&')}:(?:job|events|files|train):(job_\\w+)`);
    for await (const page of redis.scanStream({ match: `${keys.tag}:*`, count: 1_000 }) as AsyncIterable<string[]>) {
      for (const key of page) {
        const [, jobId] = ofJobs.exec(key) ?? [];
        if (jobId !== undefined && !there.has(jobId)) ledger.violated(`data of a deleted job: ${key.replace(jobId, '{id}')}`);
        else if (key.startsWith(`${keys.tag}:dataset:`)) ledger.violated('left behind: a dataset');
      }
    }
  } finally {
    await queue.close();
    await closeRedis(redis);
  }
  for (const holder of await readdir(fleet.artifacts)) {
    ledger.check(holder === '.unfinished' || there.has(holder), `left behind: files of ${holder.split('_')[0] ?? ''}`);
  }
}
