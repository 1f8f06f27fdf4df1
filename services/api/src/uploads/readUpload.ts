// Reads an upload in a process of its own: whatever is in the files, it can neither hold up nor take down this one. It is bounded in
// memory and time, ends with its parent, and writes what it read to one file.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { ReaderLimits, UploadedContent, UploadFormat, UploadOptions } from '@trainyard/engine';
import type { UploadedFile } from '@trainyard/engine/node';
import { diskFull, ProblemError } from '../problems.ts';

/** What the process is told. */
export interface ReadOrder {
  readonly files: readonly UploadedFile[];
  readonly options: UploadOptions;
  readonly limits: Partial<ReaderLimits>;
  /** Where to write the NPZ file. */
  readonly output: string;
}

/** What it answers. */
export type ReadAnswer =
  | { readonly content: UploadedContent; readonly format: UploadFormat }
  /** What is wrong with the files. */
  | { readonly refusal: string }
  /** There is no room for what they hold. */
  | { readonly isDiskFull: true };

export interface UploadReaderOptions {
  readonly limits: Partial<ReaderLimits>;
  readonly timeoutMs: number;
  /** Uploads read at a time; others wait. */
  readonly concurrency: number;
  /** Of the process, beside the files' bytes. */
  readonly heapMegabytes: number;
}

/** A file's bytes end up in one array: a tenth below what Node reads at once. */
export const uploadReaderDefaults: UploadReaderOptions = {
  limits: { bytes: 1.9e9, classes: 1_000 },
  timeoutMs: 120_000,
  concurrency: 2,
  heapMegabytes: 512,
};

export class UploadReader {
  readonly #options: UploadReaderOptions;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(options: Partial<UploadReaderOptions> = {}) {
    this.#options = { ...uploadReaderDefaults, ...options };
    this.#free = this.#options.concurrency;
  }

  /**
   * Reads files into one file at `output`, which is there afterwards only if all went well.
   * @throws ProblemError 422 that says what is wrong with the files; the signal's reason when aborted
   */
  async read(
    order: Omit<ReadOrder, 'limits'>,
    signal: AbortSignal,
  ): Promise<{ readonly content: UploadedContent; readonly format: UploadFormat }> {
    await this.#turn();
    let isRead = false;
    try {
      signal.throwIfAborted();
      const answer = await this.#ask({ ...order, limits: this.#options.limits }, signal);
      if ('refusal' in answer) throw new ProblemError('invalidDataset', `${answer.refusal}.`);
      if ('isDiskFull' in answer) throw diskFull();
      isRead = true;
      return answer;
    } finally {
      if (!isRead) await rm(order.output, { force: true });
      this.#pass();
    }
  }

  async #ask(order: ReadOrder, signal: AbortSignal): Promise<ReadAnswer> {
    const { timeoutMs, heapMegabytes } = this.#options;
    const process = fork(new URL('./readerProcess.js', import.meta.url), {
      // What is in the environment is none of its business.
      env: {},
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const kill = (): void => void process.kill('SIGKILL');
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, timeoutMs);
    signal.addEventListener('abort', kill);
    let answer: ReadAnswer | undefined;
    process.once('message', (message) => {
      answer = message as ReadAnswer;
    });
    try {
      const exited = once(process, 'exit');
      process.send(order, () => {});
      await exited;
      signal.throwIfAborted();
      if (answer !== undefined) return answer;
      const reason = isLate ? `reading them takes more than ${timeoutMs / 1_000} s` : 'reading them takes more memory than there is for it';
      return { refusal: `the files cannot be read: ${reason}` };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
    }
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
