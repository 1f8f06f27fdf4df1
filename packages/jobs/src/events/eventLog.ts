// The stored events of jobs, read from their Redis streams. Reads only: the scripts append.
import {
  type EpochMetrics,
  type EventPage,
  eventId,
  isFinal,
  jobStatus,
  type StoredEvent,
  type StoredEventType,
} from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';

/** Events read from Redis at a time where a caller wants all of them. */
const pageSize = 500;

export interface RangeOptions {
  /** Only events after this id; left out, from the beginning. */
  readonly after?: string;
  /** At most this many events. */
  readonly limit: number;
  /** Only events of these types; left out, all. */
  readonly types?: readonly StoredEventType[];
}

export class EventLog {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /** A page of a job's events, oldest first; `nextCursor` is null when there were no more. A job without events has an empty page. */
  async range(jobId: string, { after, limit, types }: RangeOptions): Promise<EventPage> {
    const data: StoredEvent[] = [];
    let start = after;
    for (;;) {
      const wanted = limit - data.length + 1;
      const events = await this.#read(jobId, start, types === undefined ? wanted : Math.max(wanted, pageSize));
      for (const event of events.events) {
        if (types !== undefined && !types.includes(event.event)) continue;
        if (data.length === limit) return { data, nextCursor: data.at(-1)?.id ?? null };
        data.push(event);
      }
      if (events.isLast) return { data, nextCursor: null };
      start = events.events.at(-1)?.id;
    }
  }

  /** The metrics of every epoch so far, in order. */
  async epochs(jobId: string): Promise<EpochMetrics[]> {
    const epochs: EpochMetrics[] = [];
    let after: string | null = null;
    do {
      const page: EventPage = await this.range(jobId, { limit: pageSize, types: ['epoch'], ...(after === null ? {} : { after }) });
      for (const event of page.data) {
        if (event.event !== 'epoch') continue;
        const { jobId: _jobId, epochs: _epochs, ...metrics } = event.data;
        epochs.push(metrics);
      }
      after = page.nextCursor;
    } while (after !== null);
    return epochs;
  }

  /**
   * Whether anything can still come after an id: 'ended' once the job's final status event is not after it (answer 204),
   * else 'open'; 'missing' if there is no such job.
   */
  async state(jobId: string, after: string | undefined): Promise<'open' | 'ended' | 'missing'> {
    const [status, finalEvent] = await this.#redis.hmget(this.#keys.job(jobId), 'status', 'finalEvent');
    if (status === null || status === undefined) return 'missing';
    if (finalEvent === null || finalEvent === undefined || after === undefined) return 'open';
    return compareEventIds(after, finalEvent) >= 0 ? 'ended' : 'open';
  }

  async #read(jobId: string, after: string | undefined, count: number): Promise<{ events: StoredEvent[]; isLast: boolean }> {
    const start = after === undefined ? '-' : `(${eventId.parse(after)}`;
    const entries = await this.#redis.xrange(this.#keys.events(jobId), start, '+', 'COUNT', count);
    return { events: entries.map(([id, fields]) => storedEvent(id, fields)), isLast: entries.length < count };
  }
}

/** Whether this event is the last of its job. */
export function isFinalEvent(event: { readonly event: string; readonly data: object }): boolean {
  return event.event === 'status' && 'status' in event.data && isFinal(jobStatus.parse(event.data.status));
}

/** Negative, zero or positive, as the first id is before, at or after the second. */
export function compareEventIds(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-');
  const [bMs = '0', bSequence = '0'] = b.split('-');
  const ms = BigInt(aMs) - BigInt(bMs);
  const difference = ms === 0n ? BigInt(aSequence) - BigInt(bSequence) : ms;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The fields of a stream entry are the scripts' own: `event`, its type, and `data`, JSON. */
function storedEvent(id: string, fields: readonly string[]): StoredEvent {
  const [, event, , data] = fields;
  return { id, event, data: JSON.parse(data ?? 'null') as unknown } as StoredEvent;
}
