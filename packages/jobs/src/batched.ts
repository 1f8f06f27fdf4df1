// Turns many single calls into few calls for many: while one batch is under way, the next one gathers. It adds no delay;
// a call that finds nothing under way leaves at once.

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param run does the whole batch or throws, and then every call of the batch rejects
 * @param limit items of one batch at most
 * @returns a call for one item, which resolves when its batch is done
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
