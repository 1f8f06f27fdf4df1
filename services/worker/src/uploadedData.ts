// Copies of uploaded datasets beside the built-in ones of the data folder, where training children find them. A copy is fetched
// from the artifact store when a job first needs it, checked, and kept until the dataset is deleted or room is needed.
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JobError } from '@trainyard/contracts';
import { type DataSpec, UPLOADED_FILE, uploadedDatasetId } from '@trainyard/engine';
import { ArtifactError, type ArtifactStore } from '@trainyard/jobs';
import type { Logger } from 'pino';

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
   * Sees to it that the data of a job is there, if it is an uploaded dataset.
   * @returns why it cannot be had, for the job; null if all is well
   * @throws when the store or the disk fails; the signal's reason when aborted
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
      await mkdir(join(this.#folder, id), { recursive: true });
      const hash = createHash('sha256');
      const hashing = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk);
          done(null, chunk);
        },
      });
      await pipeline(await this.#artifacts.open(id, UPLOADED_FILE), hashing, createWriteStream(unfinished), { signal });
      if (hash.digest('hex') !== content.sha256) return lacking(`the stored file of ${id} is not what was uploaded: upload it again`);
      await rename(unfinished, path);
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') return lacking(`${id} was deleted: upload it again`);
      throw error;
    } finally {
      await rm(unfinished, { force: true });
    }
    await this.sweep(id).catch((error: unknown) => this.#log.warn({ err: error }, 'copies of datasets could not be cleared'));
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
