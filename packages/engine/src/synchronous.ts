// Refuses asynchronous functions where a state holds only while a function runs (noGrad and inArena). After its first await, such a
// function would run in another state, and nobody would notice.
import { ArgumentError } from './errors.ts';

/** Returns the result of `fn`. @param owner the function that got `fn`, for the message @throws ArgumentError if the result is a promise */
export function runSynchronously<T>(owner: string, fn: () => T): T {
  const result = fn();
  if (!isPromise(result)) return result;
  // Nobody else handles the promise, so an unhandled rejection is prevented here.
  void Promise.resolve(result).catch(() => undefined);
  throw new ArgumentError(`${owner} needs a synchronous function, got an async one: await outside of it, and only compute inside`);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
