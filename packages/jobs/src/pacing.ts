// Controls when asynchronous work runs. Groups calls into batches, pauses long work, lets callers continue in order, and handles items one
// by one even if some fail.
import { setTimeout } from 'node:timers/promises';

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Groups calls for single items into batches. Calls that arrive while a batch runs form the next batch. This adds no delay: if no batch
 * runs, a call starts one at once.
 * @param run handles a whole batch. If it throws, every call of the batch rejects
 * @param limit most items of one batch
 * @returns a function for one item, which resolves when its batch is done
 */
export function batched<T>(run: (items: readonly T[]) => Promise<void>, limit: number): (item: T) => Promise<void> {
  let waiting: Waiting<T>[] = [];
  let isRunning = false;

  const drain = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, limit);
      waiting = waiting.slice(limit);
      try {
        await run(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  };

  return async (item) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ item, resolve, reject });
    if (!isRunning) void drain();
    await promise;
  };
}

/**
 * How long work may run before it pauses, in ms. It is short because a request needs dozens of event-loop turns, and each may have to wait.
 */
const longestMs = 4;

/** The length of a pause, as a share of the time worked before it. */
const pauseShare = 0.25;

/**
 * Returns a function to call between two pieces of work. The function pauses for a quarter of the time since the last pause, if that time
 * is at least 4 ms.
 */
export function givingWay(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    const worked = performance.now() - since;
    if (worked < longestMs) return;
    await setTimeout(Math.max(1, pauseShare * worked));
    since = performance.now();
  };
}

/**
 * Calls `act` for each item, one after the other. After an error it continues with the next item.
 * @throws the first error, after the last item
 */
export async function eachInTurn<T>(things: readonly T[], act: (thing: T) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (const thing of things) {
    try {
      await act(thing);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Lets waiting callers continue in order, a few in each turn of the event loop, so that they do not delay other work. */
export class EventLoopThrottle {
  readonly #perTurn: number;
  #waiting: (() => void)[] = [];
  #isTurning = false;

  /** @param perTurn how many callers may continue in one turn of the event loop */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves when the caller may continue: if no other callers wait, in the next turn of the event loop. */
  async pass(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      for (const resolve of this.#waiting.splice(0, this.#perTurn)) resolve();
      if (this.#waiting.length > 0) this.#turn();
    });
  }
}
