// Reads uploads after their requests were answered (`Prefer: respond-async`). The files are on the disk, and the client has the id.
// The result is a dataset or a problem under that id. Deleting the id, or stopping the service, stops the reading.
import { rm } from 'node:fs/promises';
import type { DatasetStore, NewDataset, PendingUpload } from '@trainyard/jobs';
import type { FastifyBaseLogger } from 'fastify';
import type { Problem } from '@trainyard/contracts';
import { ProblemError } from '../problems.ts';

export interface BackgroundUpload {
  readonly owner: string;
  readonly title: string;
  /** The id of the request that sent the files. */
  readonly requestId: string;
  /** The size of all files together. */
  readonly bytes: number;
  /** Reads the files; called once. */
  read(signal: AbortSignal, onProgress: (bytes: number) => void): Promise<Omit<NewDataset, 'owner' | 'title'>>;
  /** Removes the files; called once, at the end. */
  release(): Promise<void>;
  /** The problem that the client gets for an error. */
  problemOf(error: unknown): Problem;
}

/** Stores a dataset, and removes its file if the store did not take it. @throws as {@link DatasetStore.add} */
export async function addAndRemove(datasets: DatasetStore, made: NewDataset): ReturnType<DatasetStore['add']> {
  try {
    return await datasets.add(made);
  } finally {
    await rm(made.file, { force: true });
  }
}

interface Services {
  readonly datasets: DatasetStore;
  readonly log: FastifyBaseLogger;
}

export class BackgroundUploads {
  readonly #services: Services;
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();

  constructor(services: Services) {
    this.#services = services;
  }

  /** Records the upload and begins to read it. */
  async start(upload: BackgroundUpload): Promise<PendingUpload> {
    const { datasets } = this.#services;
    let pending: PendingUpload;
    try {
      pending = await datasets.pending.begin({
        id: datasets.newId(),
        owner: upload.owner,
        title: upload.title,
        total: upload.bytes,
        requestId: upload.requestId,
      });
    } catch (error) {
      await upload.release();
      throw error;
    }
    const abort = new AbortController();
    const done = this.#run(pending, upload, abort).finally(() => this.#running.delete(pending.id));
    this.#running.set(pending.id, { abort, done });
    return pending;
  }

  /** Stops all readings. Their uploads then count as failed. */
  async close(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { abort } of running)
      abort.abort(new ProblemError('unavailable', 'The server stopped while it read the files. Upload them again.'));
    await Promise.all(running.map(({ done }) => done));
  }

  /** Reads one upload and records its result. Never rejects. */
  async #run(pending: PendingUpload, upload: BackgroundUpload, abort: AbortController): Promise<void> {
    const { log } = this.#services;
    const uploads = this.#services.datasets.pending;
    const { id } = pending;
    let read = 0;
    const renewal = setInterval(() => {
      uploads.renew(id, read).then(
        (isThere) => {
          if (!isThere) abort.abort(new Error('the upload was deleted'));
        },
        (err: unknown) => log.warn({ err, dataset: id }, 'the lease of an upload could not be renewed'),
      );
    }, uploads.renewalMs);
    try {
      const made = await upload.read(abort.signal, (bytes) => {
        read = bytes;
      });
      await this.#record(pending, made, read);
    } catch (error) {
      const problem = upload.problemOf(error);
      if (problem.code === 'internal') log.error({ err: error, dataset: id }, 'an upload could not be read');
      else log.info({ dataset: id, code: problem.code }, 'an upload could not be read');
      await uploads
        .fail(id, problem)
        .catch((err: unknown) => log.error({ err, dataset: id }, 'the end of an upload could not be recorded'));
    } finally {
      clearInterval(renewal);
      await upload.release().catch((err: unknown) => log.warn({ err }, 'the files of an upload could not be removed'));
    }
  }

  async #record(pending: PendingUpload, made: Omit<NewDataset, 'owner' | 'title'>, read: number): Promise<void> {
    const { datasets } = this.#services;
    const uploads = datasets.pending;
    const { id, owner, title } = pending;
    if (!(await uploads.renew(id, read))) {
      await rm(made.file, { force: true });
      return;
    }
    const { dataset, isNew } = await addAndRemove(datasets, { ...made, owner, title, id });
    if (!isNew) return await uploads.same(id, dataset.id);
    // A client that deletes the id at this moment deletes the record of the upload, the dataset, or both.
    if (!(await uploads.remove(pending))) await datasets.delete(id);
  }
}
