// Pages of stored events for followers. Followers at the same position share one read and one encoding. Pages that can no longer change
// are cached.
import { EventBatch } from './eventBatch.ts';
import type { EventLog, JobHead } from './eventLog.ts';
import { SharedReads } from './sharedReads.ts';

export interface EventPageBatch {
  readonly batch: EventBatch;
  /** Whether the stream held no more when it was read. */
  readonly isLast: boolean;
}

/** Most events on a page. */
const pageSize = 128;

/** A page ends after the event that passes this size, in characters of data. A client that does not read keeps one page in memory. */
const pageCharacters = 64 * 1024;

/** Most characters in the cache. With their texts, pages take up to twice as many bytes. */
const keptCharacters = 16 * 2 ** 20;

/** The memory of a page and of an event in addition to their data, in characters. */
const pageOverhead = 1_000;
const eventOverhead = 100;

/** Most reads at a time. Others wait in order. */
const concurrency = 8;

export class EventPages {
  readonly #log: EventLog;
  readonly #reads = new SharedReads<EventPageBatch>(concurrency);
  readonly #heads = new SharedReads<JobHead | null>(concurrency);
  /** The cache, by job and position. The most recently used page is last. */
  readonly #kept = new Map<string, { readonly page: EventPageBatch; readonly characters: number }>();
  #keptCharacters = 0;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** The events of a job after an id, or from the beginning, up to the end of a page. */
  async read(jobId: string, after: string | undefined): Promise<EventPageBatch> {
    const key = `${jobId} ${after ?? ''}`;
    return this.#lookUp(key) ?? (await this.#reads.get(key, async () => this.#lookUp(key) ?? (await this.#readAnew(key, jobId, after))));
  }

  /** Clears the cache. A Redis that replaced another one in a failover may lack its last events. */
  clear(): void {
    this.#kept.clear();
    this.#keptCharacters = 0;
  }

  /** The state of a job's events; null if there is no such job. */
  async head(jobId: string): Promise<JobHead | null> {
    return await this.#heads.get(jobId, async () => await this.#log.head(jobId));
  }

  #lookUp(key: string): EventPageBatch | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, found);
    return found.page;
  }

  async #readAnew(key: string, jobId: string, after: string | undefined): Promise<EventPageBatch> {
    const events = await this.#log.entries(jobId, after, pageSize);
    let characters = 0;
    const cut = events.findIndex(({ data }) => (characters += data.length) >= pageCharacters) + 1;
    const taken = cut === 0 ? events : events.slice(0, cut);
    const page = { batch: new EventBatch(taken), isLast: taken.length === events.length && events.length < pageSize };
    // Events are only ever added after the last one, and none after the final one.
    if (!page.isLast || page.batch.isFinal) this.#keep(key, page, characters);
    return page;
  }

  #keep(key: string, page: EventPageBatch, dataCharacters: number): void {
    const characters = dataCharacters + page.batch.events.length * eventOverhead + pageOverhead;
    this.#drop(key);
    this.#kept.set(key, { page, characters });
    this.#keptCharacters += characters;
    for (const oldest of this.#kept.keys()) {
      if (this.#keptCharacters <= keptCharacters) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#keptCharacters -= this.#kept.get(key)?.characters ?? 0;
    this.#kept.delete(key);
  }
}
