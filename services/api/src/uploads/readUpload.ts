// Reads an upload in a separate process, so that no file can block or crash this one. That process has limits on memory and time, ends
// with its parent, and writes the dataset to one file.
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
import type { UploadedFile, WeightsFile } from '@trainyard/engine/node';
import { orDiskError, ProblemError } from '../problems.ts';
import { ReadingTurns } from './readingTurns.ts';

/** Files to make a dataset of. */
export interface DatasetOrder {
  readonly files: readonly UploadedFile[];
  readonly options: UploadOptions;
  readonly limits: Partial<ReaderLimits>;
  /** Where to write the NPZ file. */
  readonly output: string;
}

/** A file of weights to check. */
export interface WeightsOrder {
  readonly weightsFile: string;
  /** Where to write a safetensors file. */
  readonly converted: string;
  readonly maxBytes: number;
}

/** The message to the process. */
export type ReadOrder = DatasetOrder | WeightsOrder;

/** The result for files that are a dataset. */
export interface ReadDataset {
  readonly content: UploadedContent;
  readonly format: UploadFormat;
  readonly taken: readonly Taken[];
}

/** A message from the process. */
export type ReadAnswer =
  | ReadDataset
  | { readonly weights: WeightsFile }
  /** Why a file holds no weights that can be read. */
  | { readonly unusable: string }
  /** Progress: bytes of the files that were read so far. More messages follow. */
  | { readonly read: number }
  /** What is wrong with the files. */
  | { readonly faults: readonly UploadFault[] }
  /** The system's code of a disk that cannot be written, such as ENOSPC. */
  | { readonly diskCode: string };

type FinalAnswer = Exclude<ReadAnswer, { readonly read: number }>;

export interface UploadReaderOptions {
  readonly limits: Partial<ReaderLimits>;
  readonly timeoutMs: number;
  /** Uploads that are read at the same time. Others wait; see readingTurns.ts. */
  readonly readers: number;
  /** How long a short try may take, in ms; 0: there are none. */
  readonly tryMs: number;
  /** Of the process, beside the files' bytes. */
  readonly heapMegabytes: number;
}

/** A file's bytes end up in one array: a tenth below what Node reads at once. */
export const uploadReaderDefaults: UploadReaderOptions = {
  limits: { bytes: 1.9e9, classes: 1_000, files: 100_000 },
  timeoutMs: 300_000,
  readers: 2,
  tryMs: 5_000,
  heapMegabytes: 512,
};

/** How a process ended that sent no result. */
export interface ReaderCrash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** V8 reported a full heap, or the system killed the process: nothing else sends SIGKILL. */
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

/** The 422 of files that need too much memory or time. */
function unreadable(order: ReadOrder, reason: string): ProblemError {
  return new ProblemError('files' in order ? 'invalidDataset' : 'invalidWeights', `the files cannot be read: ${reason}.`);
}

function crashProblem(order: ReadOrder, { exitCode, signal, isOutOfMemory }: ReaderCrash): ProblemError {
  if (isOutOfMemory) return unreadable(order, 'reading them needs too much memory. Send smaller files');
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  return new ProblemError(
    'internal',
    `The process that read the files ended unexpectedly (${how}). Try again; if this repeats, a file may be damaged.`,
  );
}

/** Keeps the last characters of a process's error output. */
class ErrorOutput {
  static readonly #most = 8_192;
  #text = '';

  constructor(stream: Readable | null) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      this.#text = (this.#text + piece).slice(-ErrorOutput.#most);
    });
  }

  /** The line with the error, without the stack, which has paths of files. */
  reason(): string | null {
    return /^(FATAL ERROR: |\w*Error\b|# Fatal ).*$/m.exec(this.#text)?.[0] ?? null;
  }
}

export class UploadReader {
  readonly #options: UploadReaderOptions;
  readonly #turns: ReadingTurns;
  readonly #onCrash: (crash: ReaderCrash) => void;

  /** @param onCrash called when a reading process ends without a result */
  constructor(options: Partial<UploadReaderOptions> = {}, onCrash: (crash: ReaderCrash) => void = () => undefined) {
    this.#options = { ...uploadReaderDefaults, ...options, limits: { ...uploadReaderDefaults.limits, ...options.limits } };
    this.#onCrash = onCrash;
    this.#turns = new ReadingTurns({ places: this.#options.readers, tryMs: this.#options.tryMs });
  }

  /**
   * Reads files into one file at `output`, which is there afterwards only if all went well.
   * @param key whose upload it is; keys take turns
   * @throws ProblemError 422 that says what is wrong with the files; the signal's reason when aborted
   */
  async read(
    key: string,
    order: Omit<DatasetOrder, 'limits'>,
    signal: AbortSignal,
    onProgress: (bytes: number) => void = () => undefined,
  ): Promise<ReadDataset> {
    const whole = { ...order, limits: this.#options.limits };
    const answer = await this.#inTurn(key, whole, order.output, signal, onProgress);
    if ('faults' in answer) throw refusal(answer.faults);
    if ('content' in answer) return answer;
    throw new TypeError('the process answered another order');
  }

  /**
   * Checks a file of weights. A file at `converted` is there afterwards only if all went well.
   * @throws ProblemError 422 that says what is wrong with the file; the signal's reason when aborted
   */
  async readWeights(key: string, order: WeightsOrder, signal: AbortSignal): Promise<WeightsFile> {
    const answer = await this.#inTurn(key, order, order.converted, signal);
    if ('unusable' in answer) throw new ProblemError('invalidWeights', answer.unusable);
    if ('weights' in answer) return answer.weights;
    throw new TypeError('the process answered another order');
  }

  /** Runs a process when it is the key's turn. Without a result, the output is removed. */
  async #inTurn(
    key: string,
    order: ReadOrder,
    output: string,
    signal: AbortSignal,
    onProgress: (bytes: number) => void = () => undefined,
  ): Promise<FinalAnswer> {
    return await this.#turns.run(key, signal, async (turn) => {
      let isRead = false;
      try {
        turn.throwIfAborted();
        const answer = await this.#ask(order, turn, onProgress);
        if ('diskCode' in answer) throw orDiskError(Object.assign(new Error(answer.diskCode), { code: answer.diskCode }));
        isRead = 'content' in answer || 'weights' in answer;
        return answer;
      } finally {
        if (!isRead) await rm(output, { force: true }).catch(() => {});
      }
    });
  }

  async #ask(order: ReadOrder, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<FinalAnswer> {
    const { timeoutMs, heapMegabytes } = this.#options;
    const process = fork(new URL('./readerProcess.js', import.meta.url), {
      // What is in the environment is none of its business.
      env: {},
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const errorOutput = new ErrorOutput(process.stderr);
    const kill = (): void => void process.kill('SIGKILL');
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, timeoutMs);
    signal.addEventListener('abort', kill);
    let answer: FinalAnswer | undefined;
    process.on('message', (message) => {
      const received = message as ReadAnswer;
      if ('read' in received) onProgress(received.read);
      else answer = received;
    });
    try {
      const exited = once(process, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
      process.send(order, () => {});
      const [exitCode, exitSignal] = await exited;
      signal.throwIfAborted();
      if (answer !== undefined) return answer;
      if (isLate) throw unreadable(order, `reading them takes more than ${timeoutMs / 1_000} s`);
      const reason = errorOutput.reason();
      const isOutOfMemory = exitSignal === 'SIGKILL' || /out of memory|allocation failed/i.test(reason ?? '');
      const crash: ReaderCrash = { exitCode, signal: exitSignal, isOutOfMemory, reason };
      this.#onCrash(crash);
      throw crashProblem(order, crash);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
    }
  }
}
