// Keeps copies of uploaded datasets in the data folder, where training children find them next to the built-in datasets. A copy is fetched
// from the artifact store and checked when a job first needs it. It is kept until the dataset is deleted or the folder is too large.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobError } from '@trainyard/contracts';
import { type DataSpec, UPLOADED_FILE, uploadedDatasetId } from '@trainyard/engine/data';
import { ArtifactError, type ArtifactStore, fetchArtifact, inStorage, unlessAborted } from '@trainyard/jobs';
import type { Logger } from 'pino';
import { retryIfDamaged } from './storageWaits.ts';

/** The folder of the copies, as messages name it. */
const place = 'datasets/ of TRAINYARD_HOME';

/** The limit for all copies together, in bytes. The copy of the current job is kept even if it is larger. */
const ROOM_BYTES = 16 * 2 ** 30;
/** Unfinished copies that are older than this, in ms, are removed: the worker that fetched them has crashed. */
const UNFINISHED_MS = 60 * 60 * 1_000;

export class UploadedData {
  readonly #artifacts: ArtifactStore;
  readonly #folder: string;
  readonly #room: number;
  readonly #log: Logger;

  /** @param home the data folder. */
  constructor(options: { readonly artifacts: ArtifactStore; readonly home: string; readonly log: Logger; readonly roomBytes?: number }) {
    this.#artifacts = options.artifacts;
    this.#folder = join(options.home, 'datasets');
    this.#room = options.roomBytes ?? ROOM_BYTES;
    this.#log = options.log;
  }

  /**
   * Fetches a copy of the job's dataset, if it is an uploaded one and there is no copy yet.
   * @returns null, or the error for the job if the dataset is missing or damaged
   * @throws ArtifactError if the storage or the disk is unavailable
   * @throws the reason of `signal`, if it is aborted
   */
  async provide(data: DataSpec, signal: AbortSignal): Promise<JobError | null> {
    if (!('content' in data)) return null;
    const { dataset: id, content } = data;
    const path = join(this.#folder, id, UPLOADED_FILE);
    const now = new Date();
    // The file's modification time is the time of its last use.
    if (await utimes(path, now, now).then(always(true), always(false))) return null;
    const unfinished = join(this.#folder, `${id}.${randomUUID()}.unfinished`);
    try {
      await inStorage(id, place, async () => await mkdir(join(this.#folder, id), { recursive: true }));
      const stored = await this.#artifacts.stat(id, UPLOADED_FILE, signal);
      if (stored !== null && stored.sha256 !== content.sha256)
        return unavailable(`the stored file of ${id} is not what was uploaded: upload it again`);
      const from = { jobId: id, name: UPLOADED_FILE };
      await retryIfDamaged(async () => await fetchArtifact(this.#artifacts, from, unfinished, { signal, place }), signal);
      await inStorage(id, place, async () => await rename(unfinished, path));
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') return unavailable(`${id} was deleted: upload it again`);
      if (error instanceof ArtifactError && error.code === 'damagedArtifact') {
        return unavailable(`the stored file of ${id} is damaged: upload it again`);
      }
      throw error;
    } finally {
      await rm(unfinished, { force: true }).catch(() => {});
    }
    await unlessAborted(this.sweep(id), signal).catch((error: unknown) => {
      signal.throwIfAborted();
      this.#log.warn({ err: error }, 'copies of datasets could not be cleared');
    });
    return null;
  }

  /** Removes copies of deleted datasets, unfinished copies of crashed workers, and the least recently used copies beyond the size limit. */
  async sweep(inUse?: string): Promise<void> {
    const names = await readdir(this.#folder).catch(always([]));
    const copies: { readonly id: string; readonly bytes: number; readonly usedMs: number }[] = [];
    for (const name of names) {
      if (name.endsWith('.unfinished')) await this.#dropUnfinished(name);
      else if (name !== inUse && uploadedDatasetId.safeParse(name).success) copies.push(...(await this.#copy(name)));
    }
    let room = this.#room;
    for (const { id, bytes } of copies.toSorted((a, b) => b.usedMs - a.usedMs)) {
      room -= bytes;
      if (room < 0) await this.#drop(id);
    }
  }

  async #copy(id: string) {
    if ((await this.#artifacts.stat(id, UPLOADED_FILE)) === null) {
      await this.#drop(id);
      return [];
    }
    const { size, mtimeMs } = await stat(join(this.#folder, id, UPLOADED_FILE)).catch(always({ size: 0, mtimeMs: 0 }));
    return [{ id, bytes: size, usedMs: mtimeMs }];
  }

  async #drop(id: string): Promise<void> {
    await rm(join(this.#folder, id), { recursive: true, force: true });
  }

  async #dropUnfinished(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const { mtimeMs } = await stat(path).catch(always({ mtimeMs: Date.now() }));
    if (mtimeMs < Date.now() - UNFINISHED_MS) await rm(path, { force: true });
  }
}

const always =
  <T>(value: T) =>
  (): T =>
    value;

const unavailable = (message: string): JobError => ({ code: 'datasetUnavailable', message, epoch: null, step: null });
