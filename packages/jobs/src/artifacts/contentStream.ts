// Makes the stream of an artifact's content. If the connection breaks, the disk cannot be read or the server stops sending, the stream fails
// with an error of the storage.
import { Readable } from 'node:stream';

/** Longest time without data from the source, in ms. After it, the stream fails. */
const stallMs = 30_000;

/**
 * Returns a stream of what `source` sends.
 * @param toError converts an error of the source into the error of the stream
 * @param signal ends the stream with its reason
 */
export function contentStream(source: Readable, toError: (error: unknown) => Error, signal?: AbortSignal): Readable {
  // Without a listener, an error of the source before the first read would end the process.
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
  const giveUp = (): void => void source.destroy(Object.assign(new Error('the source stopped sending'), { code: 'ETIMEDOUT' }));
  // The timer runs only while this waits for the source. A slow reader may take any time.
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
