// Tests the semaphore that divides its places among keys.
import { describe, expect, test } from 'vitest';
import { FairSemaphore, type Release, TooManyWaitingError } from '../../services/api/src/fairSemaphore.ts';

/** Waits one turn of the event loop, so that all queued microtasks run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Creates callers, which add their names to `started` when they get a place. */
function callersOf(semaphore: FairSemaphore) {
  const started: string[] = [];
  const releases = new Map<string, Release>();
  return {
    started,
    /** Waits for a place. @param name a key of letters, then a number that distinguishes the callers of this key */
    call: async (name: string, signal?: AbortSignal): Promise<void> => {
      const release = await semaphore.acquire(name.replace(/\d+$/, ''), signal);
      started.push(name);
      releases.set(name, release);
    },
    /** Gives the place of a caller back. */
    end: async (name: string): Promise<void> => {
      releases.get(name)?.();
      await settle();
    },
  };
}

describe('a fair semaphore', () => {
  test('gives free places at once, and further ones when a place is given back', async () => {
    const { call, end, started } = callersOf(new FairSemaphore({ places: 2 }));
    for (const name of ['a1', 'a2', 'a3']) void call(name);
    await settle();
    expect(started).toEqual(['a1', 'a2']);
    await end('a1');
    expect(started).toEqual(['a1', 'a2', 'a3']);
  });

  test('lets keys take turns, however many callers one of them has', async () => {
    const { call, end, started } = callersOf(new FairSemaphore({ places: 1 }));
    for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) void call(name);
    await settle();
    for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) await end(name);
    expect(started).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  test('keeps a place for other keys when a key has its largest number of places', async () => {
    const { call, end, started } = callersOf(new FairSemaphore({ places: 3, placesPerKey: 2 }));
    for (const name of ['a1', 'a2', 'a3', 'b1']) void call(name);
    await settle();
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await end('b1');
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await end('a2');
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  test('refuses a caller if too many callers of its key wait, or too many of all keys', async () => {
    const semaphore = new FairSemaphore({ places: 1, waitingPerKey: 1, waiting: 2 });
    const { call } = callersOf(semaphore);
    for (const name of ['a1', 'a2', 'b1']) void call(name);
    await expect(semaphore.acquire('a')).rejects.toMatchObject({ isOwnLimit: true });
    await expect(semaphore.acquire('c')).rejects.toBeInstanceOf(TooManyWaitingError);
    await expect(semaphore.acquire('c')).rejects.toMatchObject({ isOwnLimit: false });
  });

  test('removes a caller that leaves from the queue, and its key with its last caller', async () => {
    const { call, end, started } = callersOf(new FairSemaphore({ places: 1, waitingPerKey: 1 }));
    const leaving = new AbortController();
    void call('a1');
    const left = call('b1', leaving.signal);
    void call('c1');
    leaving.abort(new Error('the client left'));
    await expect(left).rejects.toThrow('the client left');
    void call('b2');
    await end('a1');
    await end('c1');
    expect(started).toEqual(['a1', 'c1', 'b2']);
  });

  test('counts a place only once if it is given back twice', async () => {
    const semaphore = new FairSemaphore({ places: 1 });
    const release = await semaphore.acquire('a');
    release();
    release();
    const { call, started } = callersOf(semaphore);
    for (const name of ['b1', 'b2']) void call(name);
    await settle();
    expect(started).toEqual(['b1']);
  });
});
