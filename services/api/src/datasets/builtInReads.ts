// Reads built-in datasets for answers. One of them takes up to 200 MB of memory until its answer has been sent, so few are read at a time,
// and keys take turns.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { DatasetFiles, Splits } from '@trainyard/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FairSemaphore } from '../fairSemaphore.ts';
import { callerOf } from '../plugins/access.ts';
import { holdPlace } from '../http/holdPlace.ts';
import { loadBuiltIn } from './firstSamples.ts';

/** Datasets that are in memory at the same time, and how many of them one key may have. */
const places = { places: 2, placesPerKey: 1 };

export class BuiltInReads {
  readonly #files: Pick<DatasetFiles, 'find'>;
  readonly #semaphore = new FairSemaphore(places);
  #digits: Promise<Uint8Array> | undefined;

  constructor(files: Pick<DatasetFiles, 'find'>) {
    this.#files = files;
  }

  /**
   * Reads a dataset for the answer to a request, when it is the caller's turn.
   * @param limit samples of each part. Default: all
   * @throws ProblemError 404 when its files are not on this machine
   */
  async read(id: string, request: FastifyRequest, reply: FastifyReply, limit?: number): Promise<Splits> {
    await holdPlace(this.#semaphore, callerOf(request).name, reply);
    return await loadBuiltIn(id, this.#files, limit);
  }

  /** All digits as an NPZ file. They are drawn once, outside the event loop, and stay in memory. */
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
