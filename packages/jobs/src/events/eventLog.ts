// The stored events of jobs, read from their Redis streams. Reads only: the scripts append.
import { type EpochMetrics, type EventPage, eventId, type JobEvent, type StoredEvent, type StoredEventType } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import type { EncodedEvent } from './eventBatch.ts';

/** Events read from Redis at a time where a caller wants all of them, or chooses among them. */
const pageSize = 500;

export interface RangeOptions {
  /** Only events after this id; if omitted, from the beginning. */
  readonly after?: string;
  /** At most this many events. */
  readonly limit: number;
  /** Only events of these types; if omitted, all. */
  readonly types?: readonly StoredEventType[];
  /** About how many stored events to read at most; the next page continues there. If omitted, any number. */
  readonly scanLimit?: number;
}

export interface EventRange extends EventPage {
  /** The id up to which events were read, whatever their types; null when there were none, and no `after`. */
  readonly position: string | null;
}

/** Who owns a job, and how far its event stream has got. */
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

  /** A page of a job's events, oldest first; `nextCursor` is null when there were no more. A job without events has an empty page. */
  async range(jobId: string, { after, limit, types, scanLimit = Number.POSITIVE_INFINITY }: RangeOptions): Promise<EventRange> {
    const data: StoredEvent[] = [];
    let position = after;
    for (let scanned = 0; ; ) {
      const wanted = limit - data.length + 1;
      const count = types === undefined ? wanted : Math.max(wanted, pageSize);
      const entries = await this.entries(jobId, position, count);
      scanned += entries.length;
      for (const entry of entries) {
        if (types === undefined || types.some((type) => type === entry.event)) {
          if (data.length === limit) return { data, nextCursor: position ?? null, position: position ?? null };
          data.push(decoded(entry));
        }
        position = entry.id;
      }
      if (entries.length < count) return { data, nextCursor: null, position: position ?? null };
      if (scanned >= scanLimit) return { data, nextCursor: position ?? null, position: position ?? null };
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

  /** The state of a job's events; null if there is no such job. */
  async head(jobId: string): Promise<JobHead | null> {
    const [[owner, finalId], last] = await Promise.all([
      this.#redis.hmget(this.#keys.job(jobId), 'owner', 'finalEvent'),
      this.#redis.xrevrange(this.#keys.events(jobId), '+', '-', 'COUNT', 1),
    ]);
    return typeof owner !== 'string' ? null : { owner, finalId: finalId ?? null, lastId: last[0]?.[0] ?? null };
  }

  /** Up to `count` events after an id, or from the beginning, as they are stored. */
  async entries(jobId: string, after: string | undefined, count: number): Promise<(EncodedEvent & { readonly id: string })[]> {
    const start = after === undefined ? '-' : `(${eventId.parse(after)}`;
    const entries = await this.#redis.xrange(this.#keys.events(jobId), start, '+', 'COUNT', count);
    // The fields of an entry are the scripts' own: `event`, its type, and `data`, JSON.
    return entries.map(([id, [, event, , data = 'null']]) => ({ id, event: event as JobEvent['event'], data }));
  }
}

/** Whether the job has ended and has no event after an id. */
export function hasEndedBy({ finalId }: JobHead, id: string): boolean {
  return finalId !== null && compareEventIds(id, finalId) >= 0;
}

/** Negative, zero or positive, as the first id is before, at or after the second. */
export function compareEventIds(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-');
  const [bMs = '0', bSequence = '0'] = b.split('-');
  const ms = BigInt(aMs) - BigInt(bMs);
  const difference = ms === 0n ? BigInt(aSequence) - BigInt(bSequence) : ms;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function decoded({ id, event, data }: EncodedEvent): StoredEvent {
  return { id, event, data: JSON.parse(data) as unknown } as StoredEvent;
}
