// The content of artifacts: its streams, its digests, and the scratch folders for unfinished files. Each process has a scratch folder of
// its own. So a starting process can remove the folders of crashed processes, and keep those of running processes.
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { isProcessAlive } from '../environment/process.ts';

/** Longest time without data from the source, in ms. After it, the stream fails. */
const stallMs = 30_000;

/**
 * Returns a stream of the data that `source` sends. The stream fails if the source sends nothing for too long.
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
  // The timer runs only while the source is expected to send. A slow reader has no time limit.
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

const BUFFER_BYTES = 256 * 1024;

/**
 * Buffers that are used again for the next files. Their memory is outside of JavaScript's heap: if each file had new buffers, unused ones
 * would be freed late.
 */
const spareBuffers: Buffer[] = [];

/** Returns digests of the file's content from its current position on, one for each algorithm, as raw bytes. */
export async function digestsOf(file: FileHandle, algorithms: readonly string[]): Promise<Buffer[]> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, null);
      if (bytesRead === 0) return hashes.map((hash) => hash.digest());
      const chunk = buffer.subarray(0, bytesRead);
      for (const hash of hashes) hash.update(chunk);
    }
  } finally {
    spareBuffers.push(buffer);
  }
}

/**
 * How long the scratch folder of another machine counts as in use after its last change, in ms. This machine cannot check whether the
 * process that made the folder still runs.
 */
const longestWriteMs = 24 * 60 * 60 * 1_000;

/** The folders of this process, which are in use. */
const own = new Set<string>();

/** Returns a new name: `<host>~<process id>~<random>`. */
export function scratchName(): string {
  const name = [encodeURIComponent(hostname()), process.pid, randomUUID()].join('~');
  own.add(name);
  return name;
}

/** Removes the scratch folders under `root` whose process is gone. */
export async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (await isInUse(root, name)) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

async function isInUse(root: string, name: string): Promise<boolean> {
  if (own.has(name)) return true;
  const [host, pid] = name.split('~');
  // A folder that has our process id but is not in `own` is from an earlier process: in a container, the first process always has the same
  // id.
  if (host === encodeURIComponent(hostname())) return Number(pid) !== process.pid && isProcessAlive(Number(pid));
  const { mtimeMs } = await stat(join(root, name)).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < longestWriteMs;
}
