// Limits how many event streams of one API key send long histories at the same time. The operating system buffers up to several megabytes
// for a client that does not read, and this process cannot see whether the client has read them. Without the limit, a thousand such clients
// of a job with many events fill the memory that the system has for all connections, and the connections of other keys become slow.
import type { Follower } from '@trainyard/jobs';
import { FairSemaphore, type Release } from '../fairSemaphore.ts';

/** How many streams of one key may send long histories at the same time. */
const historiesPerKey = 4;

/** Stored events up to this size are sent without a place, in bytes. */
const shortHistoryBytes = 64 * 1024;

export class HistoryTexts {
  readonly #places = new FairSemaphore({ places: Infinity, placesPerKey: historiesPerKey });

  /**
   * Yields the events of a follower as text for one client. If the stored events are long, waits for a place of the key first, and holds it
   * until all of them are sent. Live events need no place.
   * @param key the name of the client's API key. `null` if no API keys are configured; then there is no limit
   * @param types the types of events to send. Events of other types are not sent. Default: all types
   * @throws the reason of `signal`, if it is aborted during a wait
   */
  async *of(
    follower: Follower,
    { key, types, signal }: { readonly key: string | null; readonly types?: readonly string[]; readonly signal: AbortSignal },
  ): AsyncGenerator<Buffer> {
    let release: Release | undefined;
    let bytes = 0;
    follower.onLive = () => {
      release?.();
      release = undefined;
      bytes = 0;
    };
    try {
      for await (const batch of follower) {
        const text = batch.text(types);
        if (!follower.isLive) {
          if (key !== null && bytes > 0 && bytes + text.length > shortHistoryBytes) release ??= await this.#places.acquire(key, signal);
          bytes += text.length;
        }
        yield text;
      }
    } finally {
      release?.();
    }
  }
}
