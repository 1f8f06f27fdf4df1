// Reads the stored events of jobs from their Redis streams. The scripts append them.
import {
  type EpochData,
  type EpochMetrics,
  type EventPage,
  eventId,
  type JobEvent,
  type StoredEvent,
  type StoredEventType,
} from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import type { EncodedEvent } from './eventBatch.ts';

/** The maximum number of events that one command reads from Redis. */
const pageSize = 500;

/**
 * The maximum number of events that one page of `epochPages` reads. Parsing a page takes about 2 ms; other requests are handled between
 * pages.
 */
const epochPageSize = 100;

/** A page of `range` ends after the event that reaches this size, in characters of data. */
const longestPage = 2 ** 20;

export interface RangeOptions {
  /** Only events after this id; if omitted, from the beginning. */
  readonly after?: string;
  /** At most this many events. */
  readonly limit: number;
  /** Only events of these types; if omitted, all. */
  readonly types?: readonly StoredEventType[];
  /** Ends the page after about this many stored events were read, of any type. Default: no limit. */
  readonly scanLimit?: number;
}

export interface EventRange extends EventPage {
  /** The id of the last event that was read, of any type; `after` if there was none; null if there is no `after` either. */
  readonly position: string | null;
}

/** The owner of a job, and the last ids of its event stream. */
export interface JobHead {
  readonly owner: string;
  /** The id of the final status event; null while the job has not ended. */
  readonly finalId: string | null;
  /** The id of the last stored event; null when there is none. */
  readonly lastId: string | null;
}

export class EventLog {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Reads a page of a job's events, oldest first. A page ends early after about 1 MiB of data. `nextCursor` is null if there are no more
   * events. The page of a job without events is empty.
   */
  async range(jobId: string, { after, limit, types, scanLimit = Number.POSITIVE_INFINITY }: RangeOptions): Promise<EventRange> {
    const data: StoredEvent[] = [];
    let position = after;
    let characters = 0;
    for (let scanned = 0; ; ) {
      const wanted = limit - data.length + 1;
      const count = types === undefined ? Math.min(wanted, pageSize) : pageSize;
      const entries = await this.entries(jobId, position, count);
      scanned += entries.length;
      for (const entry of entries) {
        if (types === undefined || types.some((type) => type === entry.event)) {
          const isFull = data.length === limit || characters >= longestPage;
          if (isFull) return { data, nextCursor: position ?? null, position: position ?? null };
          data.push(decoded(entry));
          characters += entry.data.length;
        }
        position = entry.id;
      }
      if (entries.length < count) return { data, nextCursor: null, position: position ?? null };
      if (scanned >= scanLimit) return { data, nextCursor: position ?? null, position: position ?? null };
    }
  }

  /** Reads the metrics of all epochs so far, in order. For a job with many epochs, use `epochPages`. */
  async epochs(jobId: string): Promise<EpochMetrics[]> {
    const epochs: EpochMetrics[] = [];
    for await (const page of this.epochPages(jobId)) epochs.push(...page);
    return epochs;
  }

  /**
   * Reads the metrics of all epochs so far, in order, page by page. A page may be empty.
   * @param last the id of the last event to read; default: the last one in the stream
   */
  async *epochPages(jobId: string, last?: string): AsyncGenerator<readonly EpochMetrics[], void, void> {
    let after: string | undefined;
    let isLast = false;
    while (!isLast) {
      const entries = await this.entries(jobId, after, epochPageSize, last);
      isLast = entries.length < epochPageSize;
      after = entries.at(-1)?.id;
      yield entries.filter(({ event }) => event === 'epoch').map(metricsOf);
    }
  }

  /** Reads the owner of a job and the last ids of its events; null if there is no such job. */
  async head(jobId: string): Promise<JobHead | null> {
    const [[owner, finalId], last] = await Promise.all([
      this.#redis.hmget(this.#keys.job(jobId), 'owner', 'finalEvent'),
      this.#redis.xrevrange(this.#keys.events(jobId), '+', '-', 'COUNT', 1),
    ]);
    return typeof owner !== 'string' ? null : { owner, finalId: finalId ?? null, lastId: last[0]?.[0] ?? null };
  }

  /**
   * Reads up to `count` events as they are stored. They begin after the id `after` (default: with the first) and end with the id `last`.
   */
  async entries(jobId: string, after: string | undefined, count: number, last = '+'): Promise<(EncodedEvent & { readonly id: string })[]> {
    const start = after === undefined ? '-' : `(${eventId.parse(after)}`;
    const entries = await this.#redis.xrange(this.#keys.events(jobId), start, last, 'COUNT', count);
    // The scripts write the fields of an entry: `event` (the type), then `data` (JSON).
    return entries.map(([id, [, event, , data = 'null']]) => ({ id, event: event as JobEvent['event'], data }));
  }
}

/** Whether the job has ended and has no event after an id. */
export function hasEndedBy({ finalId }: JobHead, id: string): boolean {
  return finalId !== null && compareEventIds(id, finalId) >= 0;
}

/** Returns a negative number if the first id is before the second, 0 if they are equal, and a positive number otherwise. */
export function compareEventIds(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-');
  const [bMs = '0', bSequence = '0'] = b.split('-');
  const ms = BigInt(aMs) - BigInt(bMs);
  const difference = ms === 0n ? BigInt(aSequence) - BigInt(bSequence) : ms;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function metricsOf({ data }: EncodedEvent): EpochMetrics {
  const { jobId: _jobId, epochs: _epochs, ...metrics } = JSON.parse(data) as EpochData;
  return metrics;
}

function decoded({ id, event, data }: EncodedEvent): StoredEvent {
  return { id, event, data: JSON.parse(data) as unknown } as StoredEvent;
}
