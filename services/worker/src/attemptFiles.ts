// The files of one attempt in the worker's scratch folder. Their names share a unique prefix. With it, all files of the attempt are found
// and removed, also after a crash of the training process.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export class AttemptFiles {
  readonly #base: string;

  /** @param base a unique path, the prefix of all files; see `ArtifactStore.temporaryFile` */
  constructor(base: string) {
    this.#base = base;
  }

  get model(): string {
    return `${this.#base}-model`;
  }

  /** The start of the paths of all checkpoints. The training child appends a number for each. */
  get checkpoint(): string {
    return `${this.#base}-checkpoint`;
  }

  /** The start of the paths of all files with gradients or evaluations. The training child appends a number for each. */
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

  /** Removes all files of the attempt. Call it when no process writes to them any more. */
  async remove(): Promise<void> {
    const folder = dirname(this.#base);
    const names = await readdir(folder);
    const own = names.filter((name) => name.startsWith(basename(this.#base)));
    await Promise.all(own.map(async (name) => await rm(join(folder, name), { force: true })));
  }
}
