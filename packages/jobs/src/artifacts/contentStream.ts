// The content of an artifact as a stream. A broken connection, a disk that cannot be read and a server that stops sending become errors of
// the storage.
import { Readable } from 'node:stream';

/** How long a source may send nothing, in ms. */
const stallMs = 30_000;

/** @param toError turns an error of the source into the stream's error; @param signal ends the stream with its reason */
export function contentStream(source: Readable, toError: (error: unknown) => Error, signal?: AbortSignal): Readable {
  // The source may fail before anyone reads the stream.
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
  // Only the source is timed, not a slow reader.
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
