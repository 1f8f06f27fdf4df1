// Pages of stored events for followers. Followers at the same position share one read and one encoding. Pages that cannot change any more
// are cached.
import { LRUCache } from 'lru-cache';
import { EventBatch } from './eventBatch.ts';
import type { EventLog, JobHead } from './eventLog.ts';

export interface EventPageBatch {
  readonly batch: EventBatch;
  /** Whether the stream had no later events when it was read. */
  readonly isLast: boolean;
}

/** The maximum number of events on a page. */
const pageSize = 128;

/** A page ends after the event that reaches this size, in characters of data. A client that stops reading keeps one page in memory. */
const pageCharacters = 64 * 1024;

/**
 * Size limit of the cache, in characters of data. The cache takes up to twice as many bytes, because a page also keeps its encoded text.
 */
const keptCharacters = 16 * 2 ** 20;

/** Estimated memory of a page and of an event in addition to their data, in characters. */
const pageOverhead = 1_000;
const eventOverhead = 100;

/** The maximum number of reads that run at the same time. Other reads wait in order. */
const concurrency = 8;

export class EventPages {
  readonly #log: EventLog;
  readonly #reads = new SharedReads<EventPageBatch>(concurrency);
  readonly #heads = new SharedReads<JobHead | null>(concurrency);
  /** The cached pages by job id and first position. */
  readonly #kept = new LRUCache<string, EventPageBatch>({ maxSize: keptCharacters, sizeCalculation: sizeOf });

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** Returns the page of a job's events after an id; `undefined` means from the first event on. */
  async read(jobId: string, after: string | undefined): Promise<EventPageBatch> {
    const key = `${jobId} ${after ?? ''}`;
    return (
      this.#kept.get(key) ?? (await this.#reads.get(key, async () => this.#kept.get(key) ?? (await this.#readAnew(key, jobId, after))))
    );
  }

  /** Clears the cache. After a failover, the new Redis may not have the last events of the old one. */
  clear(): void {
    this.#kept.clear();
  }

  /** Reads the owner of a job and the last ids of its events; null if there is no such job. */
  async head(jobId: string): Promise<JobHead | null> {
    return await this.#heads.get(jobId, async () => await this.#log.head(jobId));
  }

  async #readAnew(key: string, jobId: string, after: string | undefined): Promise<EventPageBatch> {
    const events = await this.#log.entries(jobId, after, pageSize);
    let characters = 0;
    const cut = events.findIndex(({ data }) => (characters += data.length) >= pageCharacters) + 1;
    const taken = cut === 0 ? events : events.slice(0, cut);
    const page = { batch: new EventBatch(taken), isLast: taken.length === events.length && events.length < pageSize };
    // New events are added only at the end of the stream, and none after the final status event.
    if (!page.isLast || page.batch.isFinal) this.#kept.set(key, page);
    return page;
  }
}

/** Returns the estimated memory of a page, in characters. */
function sizeOf({ batch }: EventPageBatch): number {
  return batch.events.reduce((sum, { data }) => sum + eventOverhead + data.length, pageOverhead);
}

interface Waiting<T> {
  readonly key: string;
  readonly read: () => Promise<T>;
  readonly result: PromiseWithResolvers<T>;
}

/**
 * Shares reads among callers. Calls with the same key share a read that has not started. After it has started, new calls share the next
 * read. So no caller gets data that is older than its call. Reads of one key never overlap. A limited number of reads run at the same time,
 * in the order of the calls.
 */
export class SharedReads<T> {
  readonly #concurrency: number;
  /** Reads that have not started, in the order of their first callers. */
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #running = new Set<string>();

  /** @param concurrency how many reads may run at the same time */
  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Returns the result of `read`, or of another caller's `read` with the same key. Rejects with the error of that read. */
  async get(key: string, read: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key) ?? { key, read, result: Promise.withResolvers<T>() };
    this.#waiting.set(key, waiting);
    this.#startNext();
    return await waiting.result.promise;
  }

  #startNext(): void {
    if (this.#running.size >= this.#concurrency) return;
    let next: Waiting<T> | undefined;
    for (const waiting of this.#waiting.values()) {
      if (this.#running.has(waiting.key)) continue;
      next = waiting;
      break;
    }
    if (next === undefined) return;
    const { key, read, result } = next;
    this.#waiting.delete(key);
    this.#running.add(key);
    void read()
      .then(result.resolve, result.reject)
      .finally(() => {
        this.#running.delete(key);
        this.#startNext();
      });
  }
}
