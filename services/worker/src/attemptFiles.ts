// The files of one attempt in the worker's scratch folder. All begin with one name of their own, so that whatever the attempt left, and
// however its training process ended, is found and removed.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export class AttemptFiles {
  readonly #base: string;

  /** @param base a path that nobody else uses, see `ArtifactStore.temporaryFile` */
  constructor(base: string) {
    this.#base = base;
  }

  get model(): string {
    return `${this.#base}-model`;
  }

  /** Each checkpoint gets a number after this. */
  get checkpoint(): string {
    return `${this.#base}-checkpoint`;
  }

  /** Each file with documents of epochs gets a number after this. */
  get snapshot(): string {
    return `${this.#base}-snapshot`;
  }

  /** A copy of the checkpoint that the attempt resumes from. */
  get resume(): string {
    return `${this.#base}-resume`;
  }

  /** A copy of the job's initial weights. */
  get initial(): string {
    return `${this.#base}-initial`;
  }

  /** Removes every file of the attempt. To be called when nobody writes any more. */
  async remove(): Promise<void> {
    const folder = dirname(this.#base);
    const names = await readdir(folder);
    const own = names.filter((name) => name.startsWith(basename(this.#base)));
    await Promise.all(own.map(async (name) => await rm(join(folder, name), { force: true })));
  }
}
