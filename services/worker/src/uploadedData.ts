// Copies of uploaded datasets beside the built-in ones of the data folder, where training children find them. A copy is fetched
// from the artifact store when a job first needs it, checked, and kept until the dataset is deleted or room is needed.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobError } from '@trainyard/contracts';
import { type DataSpec, UPLOADED_FILE, uploadedDatasetId } from '@trainyard/engine';
import { ArtifactError, type ArtifactStore, fetchArtifact, inStorage, unlessAborted } from '@trainyard/jobs';
import type { Logger } from 'pino';
import { unlessDamaged } from './storageWaits.ts';

/** How messages name the folder of the copies. */
const place = 'datasets/ of TRAINYARD_HOME';

/** Bytes of all copies; the one in use may be larger. */
const ROOM_BYTES = 16 * 2 ** 30;
/** A copy that is not finished by then was given up. */
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
   * Puts a copy of the job's data into the data folder, if it is an uploaded dataset and no copy is there.
   * @returns why it cannot be had, for the job; null if all is well
   * @throws ArtifactError when the store or the disk cannot be used now; the signal's reason when aborted
   */
  async provide(data: DataSpec, signal: AbortSignal): Promise<JobError | null> {
    if (!('content' in data)) return null;
    const { dataset: id, content } = data;
    const path = join(this.#folder, id, UPLOADED_FILE);
    const now = new Date();
    // Its time says when it was last used.
    if (await utimes(path, now, now).then(always(true), always(false))) return null;
    const unfinished = join(this.#folder, `${id}.${randomUUID()}.unfinished`);
    try {
      await inStorage(id, place, async () => await mkdir(join(this.#folder, id), { recursive: true }));
      const stored = await this.#artifacts.stat(id, UPLOADED_FILE, signal);
      if (stored !== null && stored.sha256 !== content.sha256)
        return lacking(`the stored file of ${id} is not what was uploaded: upload it again`);
      const from = { jobId: id, name: UPLOADED_FILE };
      await unlessDamaged(async () => await fetchArtifact(this.#artifacts, from, unfinished, { signal, place }), signal);
      await inStorage(id, place, async () => await rename(unfinished, path));
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') return lacking(`${id} was deleted: upload it again`);
      if (error instanceof ArtifactError && error.code === 'damagedArtifact') {
        return lacking(`the stored file of ${id} is damaged: upload it again`);
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

  /** Removes the copies of datasets that were deleted, those used longest ago where there are too many, and what crashes left. */
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

const lacking = (message: string): JobError => ({ code: 'datasetUnavailable', message, epoch: null, step: null });
