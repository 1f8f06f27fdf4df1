// Uploads the files of a run to the artifact storage while training continues, one file at a time and in order. While the storage is
// unavailable, a newer checkpoint replaces a waiting one. Training pauses only if too many files wait.
import { rm } from 'node:fs/promises';
import { type StorageOutage, retryStorage } from './storageWaits.ts';

export interface Upload {
  /** The path of the file in the scratch folder. */
  readonly file: string;
  readonly bytes: number;
  /** Whether the file is a checkpoint, which the next checkpoint replaces. */
  readonly isCheckpoint: boolean;
  /** Stores the file. It is called again after a failure. */
  store(signal: AbortSignal): Promise<unknown>;
  /** Records the stored file in the job's record. */
  record(): Promise<void>;
  /** Handles an error that a retry cannot solve, such as a file that is too large. */
  giveUp(error: unknown): Promise<void>;
}

/** The limits for files that wait for their upload. Training pauses while a limit is exceeded. Checkpoints are not counted. */
const MOST_WAITING_BYTES = 256 * 2 ** 20;
const MOST_WAITING_FILES = 5_000;

export class BackgroundUploads {
  readonly #outage: StorageOutage;
  readonly #pause: AbortSignal;
  readonly #stop: AbortSignal;
  readonly #dropped = new AbortController();
  readonly #waiting: Upload[] = [];
  #current: { readonly upload: Upload; readonly superseded: AbortController; isStored: boolean } | undefined;
  #running: Promise<void> | undefined;
  #error: { readonly reason: unknown } | undefined;
  #lost = 0;
  #onSpace: (() => void)[] = [];

  /**
   * @param signals `stop` ends all uploads at once. After `pause`, an upload that fails is not retried, and all uploads after it are
   *   skipped.
   */
  constructor(outage: StorageOutage, signals: { readonly stop: AbortSignal; readonly pause: AbortSignal }) {
    this.#outage = outage;
    this.#pause = signals.pause;
    this.#stop = AbortSignal.any([signals.stop, this.#dropped.signal]);
  }

  /** The number of uploads that were not finished because of a pause. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Queues an upload. Resolves at once if there is room. Otherwise it waits until there is room or the run is asked to end.
   * @throws the error that ended the uploads
   */
  async add(upload: Upload): Promise<void> {
    if (this.#error !== undefined) throw this.#error.reason;
    if (upload.isCheckpoint) this.#replaceCheckpoint();
    this.#waiting.push(upload);
    this.#running ??= this.#run();
    const signal = AbortSignal.any([this.#stop, this.#pause]);
    while (this.#isFull && !signal.aborted) await this.#waitForSpace(signal);
  }

  /** Resolves when no upload is waiting or running. @throws the error that ended the uploads */
  async flush(): Promise<void> {
    await this.#running;
    if (this.#error !== undefined) throw this.#error.reason;
  }

  /** Cancels all uploads and leaves the files of waiting uploads in place. Resolves when no upload runs. */
  async drop(): Promise<void> {
    this.#waiting.length = 0;
    this.#dropped.abort(new Error('the uploads were dropped'));
    await this.#running;
  }

  get #isFull(): boolean {
    if (this.#error !== undefined) return false;
    const checkpoints = this.#waiting.filter(({ isCheckpoint }) => isCheckpoint).length;
    const bytes = this.#waiting.reduce((sum, { isCheckpoint, bytes }) => sum + (isCheckpoint ? 0 : bytes), 0);
    return bytes > MOST_WAITING_BYTES || this.#waiting.length - checkpoints > MOST_WAITING_FILES;
  }

  async #waitForSpace(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.#onSpace.push(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  #replaceCheckpoint(): void {
    const current = this.#current;
    // Cancels the current upload of an older checkpoint only while the storage is unavailable. Otherwise the upload is about to finish.
    if (current?.upload.isCheckpoint === true && !current.isStored && this.#outage.isOn)
      current.superseded.abort(new Error('a newer checkpoint replaces this one'));
    const index = this.#waiting.findIndex(({ isCheckpoint }) => isCheckpoint);
    if (index < 0) return;
    const [old] = this.#waiting.splice(index, 1);
    if (old !== undefined) void remove(old);
  }

  async #run(): Promise<void> {
    for (let upload = this.#waiting.shift(); upload !== undefined; upload = this.#waiting.shift()) {
      for (const go of this.#onSpace.splice(0)) go();
      await this.#finish(upload);
    }
    this.#running = undefined;
    for (const go of this.#onSpace.splice(0)) go();
  }

  /** Uploads one file and removes it from the scratch folder. Does not throw: `add` and `flush` throw the error that ended the uploads. */
  async #finish(upload: Upload): Promise<void> {
    const superseded = new AbortController();
    const current = { upload, superseded, isStored: false };
    this.#current = current;
    const stop = AbortSignal.any([this.#stop, superseded.signal]);
    try {
      // After a file is lost, no later one is stored: a run that resumes from a later checkpoint would not produce the lost file again.
      if (this.#lost > 0) {
        if (!stop.aborted) this.#lost += 1;
        return;
      }
      await retryStorage(async (signal) => await upload.store(signal), { stop, pause: this.#pause, outage: this.#outage });
      current.isStored = true;
      await upload.record();
    } catch (error) {
      if (stop.aborted) return;
      if (!current.isStored && this.#pause.aborted) this.#lost += 1;
      else if (current.isStored) this.#fail(error);
      else await upload.giveUp(error).catch((reason: unknown) => this.#fail(reason));
    } finally {
      this.#current = undefined;
      await remove(upload);
    }
  }

  #fail(reason: unknown): void {
    this.#error ??= { reason };
    this.#waiting.length = 0;
  }
}

/** Removes the file. If that fails, the file is removed at the end of the attempt. */
async function remove({ file }: Upload): Promise<void> {
  await rm(file, { force: true }).catch(() => {});
}
