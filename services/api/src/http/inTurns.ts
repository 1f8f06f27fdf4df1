// Long reads of several keys, page by page: a key that reads much does not delay one that reads little.
import type { FairSemaphore } from '../fairSemaphore.ts';

/** The pages, each of which waits for its turn. Nothing is held between two pages, so a slow client keeps no place. */
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
