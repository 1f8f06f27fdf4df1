// Refuses asynchronous functions where a state holds only while a function runs: noGrad and inArena. What such a function did
// after its first await would run under another state, and silently so.
import { ArgumentError } from './errors.ts';

/** The result of `fn`. @throws ArgumentError when that is a promise; `owner` is who was given the function. */
export function runSynchronously<T>(owner: string, fn: () => T): T {
  const result = fn();
  if (!isPromise(result)) return result;
  // Nobody else will look at it.
  void Promise.resolve(result).catch(() => undefined);
  throw new ArgumentError(
    `${owner} takes a function that returns when it is done, got an async one: await outside of it, and compute inside`,
  );
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
