// Reads an upload in a process of its own: whatever is in the files, it can neither hold up nor take down this one. It is bounded in
// memory and time, ends with its parent, and writes what it read to one file.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  mostFaults,
  type ReaderLimits,
  type Taken,
  type UploadedContent,
  type UploadFault,
  type UploadFormat,
  type UploadOptions,
} from '@trainyard/engine';
import type { UploadedFile } from '@trainyard/engine/node';
import { orDiskError, ProblemError } from '../problems.ts';

/** What the process is told. */
export interface ReadOrder {
  readonly files: readonly UploadedFile[];
  readonly options: UploadOptions;
  readonly limits: Partial<ReaderLimits>;
  /** Where to write the NPZ file. */
  readonly output: string;
}

/** A dataset that was read. */
export interface ReadDataset {
  readonly content: UploadedContent;
  readonly format: UploadFormat;
  readonly taken: readonly Taken[];
}

/** What it answers. */
export type ReadAnswer =
  | ReadDataset
  /** Bytes of the files that were read so far; the answer is yet to come. */
  | { readonly read: number }
  /** What is wrong with the files. */
  | { readonly faults: readonly UploadFault[] }
  /** The disk does not take what they hold; the system's code. */
  | { readonly diskCode: string };

type FinalAnswer = Exclude<ReadAnswer, { readonly read: number }>;

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
  timeoutMs: 300_000,
  concurrency: 2,
  heapMegabytes: 512,
};

/** How a reading process ended that gave no answer. */
export interface ReaderCrash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** V8 said that its heap was full, or the system's memory was: nobody else sends SIGKILL. */
  readonly isOutOfMemory: boolean;
  /** The line of its error output that says why, if there is one. */
  readonly reason: string | null;
}

/** The 422 of an upload with faults. */
function refusal(faults: readonly UploadFault[]): ProblemError {
  const [first] = faults;
  const others = faults.length - 1;
  const limit = faults.length >= mostFaults ? 'at least ' : '';
  const more = others === 0 ? '' : ` There ${others === 1 ? 'is' : 'are'} ${limit}${others} more: see errors.`;
  const message = first?.message ?? 'the files cannot be read';
  return new ProblemError('invalidDataset', `${message}${/[.?!]$/.test(message) ? '' : '.'}${more}`, { issues: faults });
}

/** The 422 of files that take too much of the process that reads them. */
function unreadable(reason: string): ProblemError {
  return new ProblemError('invalidDataset', `the files cannot be read: ${reason}.`);
}

function crashProblem({ exitCode, signal, isOutOfMemory }: ReaderCrash): ProblemError {
  if (isOutOfMemory) return unreadable('reading them takes more memory than there is for it');
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  return new ProblemError(
    'internal',
    `The process that read the files ended unexpectedly (${how}). Try again; if it happens again, the files may be the cause.`,
  );
}

/** The end of what a process writes to its error output. */
class LastWords {
  static readonly #most = 8_192;
  #text = '';

  constructor(stream: Readable | null) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      this.#text = (this.#text + piece).slice(-LastWords.#most);
    });
  }

  /** The line with the error: no stack, since that has the paths of files. */
  reason(): string | null {
    return /^(FATAL ERROR: |\w*Error\b|# Fatal ).*$/m.exec(this.#text)?.[0] ?? null;
  }
}

export class UploadReader {
  readonly #options: UploadReaderOptions;
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #onCrash: (crash: ReaderCrash) => void;

  /** @param onCrash called when a reading process ends without an answer, for the log */
  constructor(options: Partial<UploadReaderOptions> = {}, onCrash: (crash: ReaderCrash) => void = () => undefined) {
    this.#options = { ...uploadReaderDefaults, ...options };
    this.#onCrash = onCrash;
    this.#free = this.#options.concurrency;
  }

  /**
   * Reads files into one file at `output`, which is there afterwards only if all went well.
   * @throws ProblemError 422 that says what is wrong with the files; the signal's reason when aborted
   */
  async read(
    order: Omit<ReadOrder, 'limits'>,
    signal: AbortSignal,
    onProgress: (bytes: number) => void = () => undefined,
  ): Promise<ReadDataset> {
    await this.#turn(signal);
    let isRead = false;
    try {
      signal.throwIfAborted();
      const answer = await this.#ask({ ...order, limits: this.#options.limits }, signal, onProgress);
      if ('faults' in answer) throw refusal(answer.faults);
      if ('diskCode' in answer) throw orDiskError(Object.assign(new Error(answer.diskCode), { code: answer.diskCode }));
      isRead = true;
      return answer;
    } finally {
      if (!isRead) await rm(order.output, { force: true }).catch(() => {});
      this.#pass();
    }
  }

  async #ask(order: ReadOrder, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<FinalAnswer> {
    const { timeoutMs, heapMegabytes } = this.#options;
    const process = fork(new URL('./readerProcess.js', import.meta.url), {
      // What is in the environment is none of its business.
      env: {},
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const complaints = new LastWords(process.stderr);
    const kill = (): void => void process.kill('SIGKILL');
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, timeoutMs);
    signal.addEventListener('abort', kill);
    let answer: FinalAnswer | undefined;
    process.on('message', (message) => {
      const told = message as ReadAnswer;
      if ('read' in told) onProgress(told.read);
      else answer = told;
    });
    try {
      const exited = once(process, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
      process.send(order, () => {});
      const [exitCode, exitSignal] = await exited;
      signal.throwIfAborted();
      if (answer !== undefined) return answer;
      if (isLate) throw unreadable(`reading them takes more than ${timeoutMs / 1_000} s`);
      const reason = complaints.reason();
      const isOutOfMemory = exitSignal === 'SIGKILL' || /out of memory|allocation failed/i.test(reason ?? '');
      const crash: ReaderCrash = { exitCode, signal: exitSignal, isOutOfMemory, reason };
      this.#onCrash(crash);
      throw crashProblem(crash);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
    }
  }

  /** @throws the signal's reason when aborted */
  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
