// Refuses async functions as arguments of noGrad and inArena. The effect of noGrad and inArena ends when the function returns, so the code
// after its first await would run without this effect.
import { ArgumentError } from './errors.ts';

/**
 * Calls `fn` and returns its result.
 * @param owner the name of the function that got `fn`, for the error message
 * @throws ArgumentError if the result is a promise
 */
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
