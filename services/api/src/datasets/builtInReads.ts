// Reads built-in datasets for responses. A dataset takes up to 200 MB of memory until its response has been sent, so only two are in
// memory at a time. Keys take turns.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { DatasetFiles, Splits } from '@trainyard/engine/data';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FairSemaphore } from '../fairSemaphore.ts';
import { callerOf } from '../plugins/access.ts';
import { holdPlace } from '../http/holdPlace.ts';
import { loadBuiltIn } from './firstSamples.ts';

/** How many datasets may be in memory at the same time, in total and per key. */
const places = { places: 2, placesPerKey: 1 };

export class BuiltInReads {
  readonly #files: Pick<DatasetFiles, 'find'>;
  readonly #semaphore = new FairSemaphore(places);
  #digits: Promise<Uint8Array> | undefined;

  constructor(files: Pick<DatasetFiles, 'find'>) {
    this.#files = files;
  }

  /**
   * Waits for the caller's turn and reads a dataset for the response to a request.
   * @param limit the most samples of each part. Default: all
   * @throws ProblemError 404 if the files of the dataset are not on this machine, or if only a spec can create its samples
   */
  async read(id: string, request: FastifyRequest, reply: FastifyReply, limit?: number): Promise<Splits> {
    await holdPlace(this.#semaphore, callerOf(request).name, reply);
    return await loadBuiltIn(id, this.#files, limit);
  }

  /** Returns all digits as an NPZ file. The first call draws them in a worker thread; then the file stays in memory. */
  async digitsFile(): Promise<Uint8Array> {
    this.#digits ??= drawDigits();
    try {
      return await this.#digits;
    } catch (error) {
      // The next request tries again.
      this.#digits = undefined;
      throw error;
    }
  }
}

async function drawDigits(): Promise<Uint8Array> {
  const [file] = (await once(new Worker(new URL('./digitsThread.js', import.meta.url)), 'message')) as [Uint8Array];
  return file;
}
