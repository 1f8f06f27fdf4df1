// Reads built-in datasets for answers. One of them takes up to 200 MB of memory until its answer has been sent, so few are read at a time,
// and keys take turns.
import { type DatasetFiles, encodeNpz, type Splits } from '@trainyard/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FairSemaphore } from '../fairSemaphore.ts';
import { callerOf } from '../plugins/access.ts';
import { departure } from '../uploads/form.ts';
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
    const release = await this.#semaphore.acquire(callerOf(request).name, departure(reply));
    reply.raw.once('close', release);
    return await loadBuiltIn(id, this.#files, limit);
  }

  /** All digits as an NPZ file. They are drawn once, in half a second, and stay in memory. */
  async digitsFile(): Promise<Uint8Array> {
    return await (this.#digits ??= loadBuiltIn('digits', this.#files).then(encodeNpz));
  }
}
