// Lets keys take turns page by page, so that a long read of one key does not delay a short read of another.
import type { FairSemaphore } from '../fairSemaphore.ts';

/** Yields the pages. Each page is read when it is the key's turn. No place is held between two pages, so a slow client occupies none. */
export async function* inTurns<T>(pages: AsyncIterable<T>, turns: FairSemaphore, key: string): AsyncGenerator<T, void, void> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const release = await turns.acquire(key);
      const next = await iterator.next().finally(release);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
