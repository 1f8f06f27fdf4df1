// Stops waiting for an operation that cannot be cancelled, such as a file operation.

/** Returns the result of `work`. @throws the signal's reason if the signal is aborted first; `work` may continue */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  // After an abort nobody awaits `work`, and a rejection of it would end the process.
  work.catch(() => {});
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
