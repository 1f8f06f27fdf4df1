import { describe, expect, test } from 'vitest';
import { FairSemaphore, type Release, TooManyWaitingError } from '../../services/api/src/fairSemaphore.ts';

/** Lets everything happen that needs no other event. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Callers that note in `started` when they get a place. */
function callersOf(semaphore: FairSemaphore) {
  const started: string[] = [];
  const releases = new Map<string, Release>();
  return {
    started,
    /** @param name its letters are the key, its digits tell the callers of one key apart */
    call: async (name: string, signal?: AbortSignal): Promise<void> => {
      const release = await semaphore.acquire(name.replace(/\d+$/, ''), signal);
      started.push(name);
      releases.set(name, release);
    },
    end: async (name: string): Promise<void> => {
      releases.get(name)?.();
      await settle();
    },
  };
}

describe('a fair semaphore', () => {
  test('gives free places at once and the next one when a place is given back', async () => {
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

  test('keeps a place for other keys when a key has all that it may hold', async () => {
    const { call, end, started } = callersOf(new FairSemaphore({ places: 3, placesPerKey: 2 }));
    for (const name of ['a1', 'a2', 'a3', 'b1']) void call(name);
    await settle();
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await end('b1');
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await end('a2');
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  test('refuses a caller whose key has enough waiting, and others only when all together have', async () => {
    const semaphore = new FairSemaphore({ places: 1, waitingPerKey: 1, waiting: 2 });
    const { call } = callersOf(semaphore);
    for (const name of ['a1', 'a2', 'b1']) void call(name);
    await expect(semaphore.acquire('a')).rejects.toMatchObject({ isOwnLimit: true });
    await expect(semaphore.acquire('c')).rejects.toBeInstanceOf(TooManyWaitingError);
    await expect(semaphore.acquire('c')).rejects.toMatchObject({ isOwnLimit: false });
  });

  test('takes a caller that leaves out of the queue, and its key with the last one', async () => {
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

  test('counts a place that is given back twice once', async () => {
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
