// Files of a run on their way to the artifact storage while training goes on: one at a time, in their order. A storage that is away holds
// up nothing but them: a newer checkpoint takes the place of one that waits, and only when too much waits does training wait too.
import { rm } from 'node:fs/promises';
import { type StorageOutage, whenStored } from './storageWaits.ts';

export interface Upload {
  /** In the scratch folder. */
  readonly file: string;
  readonly bytes: number;
  /** Whether the next upload of this kind makes it superfluous. */
  readonly isCheckpoint: boolean;
  /** Brings the file to the storage. May be called again after a failure. */
  store(signal: AbortSignal): Promise<unknown>;
  /** Writes into the job's record that it is there. */
  record(): Promise<void>;
  /** It cannot be stored, for a reason that is not the storage's. */
  giveUp(error: unknown): Promise<void>;
}

/** What may wait before training waits. */
const MOST_WAITING_BYTES = 256 * 2 ** 20;
const MOST_WAITING_FILES = 5_000;

class SkippedError extends Error {}

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

  /** @param signals from `stop` on nothing is stored any more; from `pause` on, an upload that fails is given up, and all after it */
  constructor(outage: StorageOutage, signals: { readonly stop: AbortSignal; readonly pause: AbortSignal }) {
    this.#outage = outage;
    this.#pause = signals.pause;
    this.#stop = AbortSignal.any([signals.stop, this.#dropped.signal]);
  }

  /** How many were given up because of a pause. */
  get lost(): number {
    return this.#lost;
  }

  /** Resolves when the upload has its place: at once, unless too much waits and nobody wants the run to end. @throws what ended the uploads */
  async add(upload: Upload): Promise<void> {
    if (this.#error !== undefined) throw this.#error.reason;
    if (upload.isCheckpoint) this.#supersede();
    this.#waiting.push(upload);
    this.#running ??= this.#run();
    const signal = AbortSignal.any([this.#stop, this.#pause]);
    while (this.#isFull && !signal.aborted) await this.#space(signal);
  }

  /** Resolves when nothing waits any more. @throws what ended the uploads */
  async flush(): Promise<void> {
    await this.#running;
    if (this.#error !== undefined) throw this.#error.reason;
  }

  /** Ends all uploads at once; their files stay. Resolves when none is under way. */
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

  async #space(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.#onSpace.push(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  #supersede(): void {
    const current = this.#current;
    // One that is under way ends by itself, one that waits for the storage would only delay the newer one.
    if (current?.upload.isCheckpoint === true && !current.isStored && this.#outage.isOn)
      current.superseded.abort(new Error('a newer checkpoint is there'));
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

  /** Never throws. */
  async #finish(upload: Upload): Promise<void> {
    const superseded = new AbortController();
    const current = { upload, superseded, isStored: false };
    this.#current = current;
    const stop = AbortSignal.any([this.#stop, superseded.signal]);
    try {
      // A checkpoint stands for everything before it: it must not be recorded without that.
      if (this.#lost > 0) throw new SkippedError();
      await whenStored(async (signal) => await upload.store(signal), { stop, pause: this.#pause, outage: this.#outage });
      current.isStored = true;
      await upload.record();
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof SkippedError || (!current.isStored && this.#pause.aborted)) this.#lost += 1;
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

/** What cannot be removed now goes with the attempt. */
async function remove({ file }: Upload): Promise<void> {
  await rm(file, { force: true }).catch(() => {});
}
