// Downloads one file from a URL to the disk. The file is written under a unique temporary name in the same folder, and renamed when it is
// complete and its checksum is right. So several processes may download the same file at the same time.
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DatasetChecksumError, DatasetUnavailableError } from '../data/errors.ts';
import type { ReadOptions, RemoteFile } from '../data/files.ts';
import { errorCode } from './systemError.ts';

/** The pauses between the tries of a download, and the time limit of a silent server. */
export interface Patience {
  /**
   * The pause before each further try, in ms. A download is tried again after a temporary error: no connection, a broken connection, or a
   * busy server.
   */
  readonly retryDelaysMs: readonly number[];
  /** If the server sends nothing for this time, in ms, the try has failed. */
  readonly stallMs: number;
}

export const patience: Patience = { retryDelaysMs: [300, 1_000, 3_000], stallMs: 30_000 };

export interface Download extends ReadOptions {
  /** The dataset and the file, for messages: mnist/train-images-idx3-ubyte.gz */
  readonly name: string;
  readonly file: RemoteFile;
  readonly url: URL;
  /** The path at which the downloaded file is stored. */
  readonly path: string;
  readonly patience: Patience;
}

/** A try that failed. `passing`: whether a further try may succeed. */
class TransferError extends Error {
  readonly passing: boolean;

  constructor(message: string, passing: boolean, options?: ErrorOptions) {
    super(message, options);
    this.passing = passing;
  }
}

const remedy = (name: string): string =>
  `put the file as ${name} into a folder named by TRAINYARD_DATASETS, or name a mirror by TRAINYARD_DATASETS_URL`;

/** Incomplete files of killed processes are removed after this time. */
const LEFTOVER_MS = 3_600_000;

/**
 * Downloads a file.
 * @throws DatasetUnavailableError if the file cannot be downloaded or stored
 * @throws DatasetChecksumError if the file does not have the expected checksum
 * @throws `signal.reason` if aborted. After an error, the incomplete file is removed
 */
export async function download(order: Download): Promise<void> {
  const folder = dirname(order.path);
  const temporary = join(folder, `.${basename(order.path)}.${randomUUID()}.part`);
  await storing(order, async () => {
    await mkdir(folder, { recursive: true });
    await removeLeftovers(folder);
  });
  try {
    await transferWithRetries(order, temporary);
    await storing(order, async () => {
      await rename(temporary, order.path);
      await syncFolder(folder);
    });
  } finally {
    // If the file cannot be removed now, a later download removes it.
    await rm(temporary, { force: true }).catch(() => {});
  }
}

async function transferWithRetries(order: Download, temporary: string): Promise<void> {
  const { retryDelaysMs } = order.patience;
  for (let tries = 1; ; tries++) {
    try {
      await transfer(order, temporary);
      return;
    } catch (error) {
      order.signal?.throwIfAborted();
      if (!(error instanceof TransferError)) throw error;
      if (!error.passing || tries > retryDelaysMs.length) {
        const after = tries > 1 ? ` after ${tries} tries` : '';
        throw new DatasetUnavailableError(
          `${order.name} could not be downloaded from ${order.url.host}${after}: ${error.message}. Check the network, ${remedy(order.name)}`,
          { cause: error },
        );
      }
    }
    await delay(retryDelaysMs[tries - 1], undefined, { signal: order.signal }).catch(() => order.signal?.throwIfAborted());
  }
}

/** Makes one try: writes the response body to the temporary file, and computes its checksum. */
async function transfer(order: Download, temporary: string): Promise<void> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), order.patience.stallMs);
  try {
    const signal = order.signal ? AbortSignal.any([order.signal, stalled.signal]) : stalled.signal;
    const body = await request(order.url, signal);
    const handle = await storing(order, () => open(temporary, 'w'));
    try {
      await receive(order, body, handle, timer);
      await storing(order, () => handle.sync());
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!stalled.signal.aborted || order.signal?.aborted) throw error;
    throw new TransferError(`nothing came for ${order.patience.stallMs} ms`, true, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function request(url: URL, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  // The file is already compressed. If the server compressed or unpacked it again, its bytes would change.
  const response = await fetch(url, { signal, headers: { 'accept-encoding': 'identity' } }).catch((error: unknown) => {
    throw new TransferError(errorCode(error), true, { cause: error });
  });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  const passing = response.status >= 500 || [408, 425, 429].includes(response.status);
  throw new TransferError(`it answered ${response.status} ${response.statusText}`.trimEnd(), passing);
}

async function receive(order: Download, body: AsyncIterable<Uint8Array>, handle: FileHandle, timer: NodeJS.Timeout): Promise<void> {
  const { file, onProgress } = order;
  const [algorithm, expected] = splitChecksum(file);
  const hash = createHash(algorithm);
  let bytesDone = 0;
  for await (const chunk of chunksOf(body)) {
    timer.refresh();
    bytesDone += chunk.length;
    // A response that is larger than the published file is wrong, and must not fill the disk.
    if (bytesDone > file.bytes) throw mismatch(order, `${file.bytes} bytes`, `more than ${file.bytes} bytes`);
    hash.update(chunk);
    await storing(order, () => handle.writeFile(chunk));
    onProgress?.({ file: order.name, bytesDone, bytesTotal: file.bytes });
  }
  const actual = hash.digest('hex');
  if (actual !== expected)
    throw mismatch(order, `${algorithm} ${expected}`, `${algorithm} ${actual} in ${bytesDone} of ${file.bytes} bytes`);
}

/** Yields the chunks of the body. @throws TransferError if the connection breaks */
async function* chunksOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw new TransferError(`the connection broke (${errorCode(error)})`, true, { cause: error });
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

function splitChecksum({ checksum }: RemoteFile): [algorithm: string, digest: string] {
  const [algorithm, digest] = checksum.split(':');
  return [algorithm, digest];
}

function mismatch({ name, url }: Download, expected: string, actual: string): DatasetChecksumError {
  return new DatasetChecksumError(
    `${name} from ${url.host} is not the original: expected ${expected}, got ${actual}. Nothing was kept: check what that host serves, or ${remedy(name)} (files found there are used without a checksum)`,
    expected,
    actual,
  );
}

/** Runs an operation on the disk. Its error is replaced by an error about storing the file, which does not contain the path. */
async function storing<T>({ name, signal }: Download, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw new DatasetUnavailableError(
      `${name} could not be stored in datasets/ of TRAINYARD_HOME (${errorCode(error)}): make room or make it writable`,
      { cause: error },
    );
  }
}

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.part')) continue;
    const path = join(folder, name);
    // Another process may have renamed or removed the file meanwhile.
    const found = await stat(path).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > LEFTOVER_MS) await rm(path, { force: true });
  }
}

/** Writes the folder to the disk, so that a rename is not lost in a power failure. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
