// The content of an artifact as a stream whose errors are the storage's: a connection that breaks amid it, a disk that cannot be read, a
// server that sends nothing any more.
import { Readable } from 'node:stream';

/** A source that sends nothing for so long counts as gone, in ms. */
const stallMs = 30_000;

/** @param toError what an error of the source means; @param signal ends the reading with its reason */
export function contentStream(source: Readable, toError: (error: unknown) => Error, signal?: AbortSignal): Readable {
  // It may fail before anybody reads it.
  source.on('error', () => {});
  const abort = (): void => void source.destroy(signal?.reason as Error);
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const content = Readable.from(chunksOf(source, toError, signal), { objectMode: false });
  content.once('close', () => {
    signal?.removeEventListener('abort', abort);
    source.destroy();
  });
  return content;
}

async function* chunksOf(
  source: Readable,
  toError: (error: unknown) => Error,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const giveUp = (): void => void source.destroy(Object.assign(new Error('nothing came any more'), { code: 'ETIMEDOUT' }));
  // Only the wait for the source counts, not the reader's pace.
  let stall = setTimeout(giveUp, stallMs);
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      clearTimeout(stall);
      yield chunk;
      stall = setTimeout(giveUp, stallMs);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw toError(error);
  } finally {
    clearTimeout(stall);
  }
}
