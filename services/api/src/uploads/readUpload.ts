// Reads an upload in a separate process, so that no file can block or crash this one. That process has limits on memory and time, ends
// with its parent, and writes the dataset to one file.
import { rm } from 'node:fs/promises';
import { mostFaults, type ReaderLimits, type UploadFault } from '@trainyard/engine/data';
import type { WeightsFile } from '@trainyard/engine/node';
import { machineMemoryBytes } from '@trainyard/jobs';
import { orDiskError, ProblemError } from '../problems.ts';
import {
  type DatasetOrder,
  type Ending,
  KeptProcesses,
  type ReadAnswer,
  type ReadDataset,
  type ReaderCrash,
  type ReadingProcess,
  type ReadOrder,
  type WeightsOrder,
} from './readingProcess.ts';
import { ReadingTurns } from './readingTurns.ts';

export interface UploadReaderOptions {
  readonly limits: Partial<ReaderLimits>;
  readonly timeoutMs: number;
  /** How many uploads are read at the same time. Others wait (see readingTurns.ts). */
  readonly readers: number;
  /** How long a short try may take, in ms. 0 means no short tries. */
  readonly tryMs: number;
  /** The limit of V8's heap in the process, in MiB. */
  readonly heapMegabytes: number;
  /** The memory limit of the whole process, in bytes. A process that uses more is killed. */
  readonly memoryBytes: number;
  /** After this time, in ms, a process that still reads an upload gets a lower CPU priority than the rest of the service. */
  readonly yieldMs: number;
  /** How long a process is kept after an upload for the next upload of the same key, in ms. 0 means not at all. */
  readonly keptMs: number;
  /** How long after its own start, or after the use of the spare process, the service starts a spare process, in ms. `null`: never. */
  readonly spareMs: number | null;
}

/** The defaults. A file is read into one array, so the limit of bytes is a tenth below the 2 GiB that Node reads at once. */
export const uploadReaderDefaults: UploadReaderOptions = {
  limits: { bytes: 1.9e9, classes: 1_000, files: 100_000 },
  timeoutMs: 600_000,
  readers: 2,
  tryMs: 5_000,
  heapMegabytes: 512,
  // A reader may hold its file and the result twice. Three readers (two and a short try) leave most of the machine's memory to others.
  memoryBytes: Math.min(4.5e9, Math.max(5e8, machineMemoryBytes() / 8)),
  yieldMs: 1_000,
  keptMs: 0,
  spareMs: null,
};

/** Returns the 422 of an upload with faults. */
function refusal(faults: readonly UploadFault[]): ProblemError {
  const [first] = faults;
  const others = faults.length - 1;
  const limit = faults.length >= mostFaults ? 'at least ' : '';
  const more = others === 0 ? '' : ` There ${others === 1 ? 'is' : 'are'} ${limit}${others} more: see errors.`;
  const message = first?.message ?? 'the files cannot be read';
  return new ProblemError('invalidDataset', `${message}${/[.?!]$/.test(message) ? '' : '.'}${more}`, { issues: faults });
}

/** Returns the 422 of files that need too much memory or time. */
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

export class UploadReader {
  readonly #options: UploadReaderOptions;
  readonly #turns: ReadingTurns;
  readonly #processes: KeptProcesses;
  readonly #onCrash: (crash: ReaderCrash) => void;

  /** @param onCrash called when a reading process ends without a result */
  constructor(options: Partial<UploadReaderOptions> = {}, onCrash: (crash: ReaderCrash) => void = () => undefined) {
    this.#options = { ...uploadReaderDefaults, ...options, limits: { ...uploadReaderDefaults.limits, ...options.limits } };
    this.#onCrash = onCrash;
    this.#processes = new KeptProcesses({ ...this.#options, most: this.#options.readers });
    this.#turns = new ReadingTurns({ places: this.#options.readers, tryMs: this.#options.tryMs });
  }

  /** Ends the processes that are kept. A reading ends when its signal is aborted. Safe to call twice. */
  close(): void {
    this.#processes.close();
  }

  /**
   * Reads files into one file at `output`, which exists afterwards only if there was no error.
   * @param key the name of the caller's API key; keys take turns
   * @throws ProblemError 422 if the files cannot be used. The message says why
   * @throws the reason of `signal`, if it is aborted
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
   * Checks a file of weights. A file at `converted` exists afterwards only if the weights were converted without an error.
   * @throws ProblemError 422 if the file cannot be used. The message says why
   * @throws the reason of `signal`, if it is aborted
   */
  async readWeights(key: string, order: WeightsOrder, signal: AbortSignal): Promise<WeightsFile> {
    const answer = await this.#inTurn(key, order, order.converted, signal);
    if ('unusable' in answer) throw new ProblemError('invalidWeights', answer.unusable);
    if ('weights' in answer) return answer.weights;
    throw new TypeError('the process answered another order');
  }

  /** Runs a process when it is the key's turn. Removes the output if there is no result. */
  async #inTurn(
    key: string,
    order: ReadOrder,
    output: string,
    signal: AbortSignal,
    onProgress: (bytes: number) => void = () => undefined,
  ): Promise<ReadAnswer> {
    return await this.#turns.run(key, signal, async (turn) => {
      let isRead = false;
      try {
        turn.throwIfAborted();
        const answer = await this.#ask(key, order, output, turn, onProgress);
        if ('diskCode' in answer) throw orDiskError(Object.assign(new Error(answer.diskCode), { code: answer.diskCode }));
        isRead = 'content' in answer || 'weights' in answer;
        return answer;
      } finally {
        if (!isRead) await rm(output, { force: true }).catch(() => {});
      }
    });
  }

  async #ask(key: string, order: ReadOrder, output: string, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<ReadAnswer> {
    const ready = this.#processes.takeReady(key);
    const ending = ready === undefined ? undefined : await this.#run(key, ready, order, signal, onProgress);
    if (ending !== undefined && 'answer' in ending) return ending.answer;
    // A process that was already running may have ended for another reason than these files, so a new process reads them again.
    if (ending !== undefined) await rm(output, { force: true });
    const second = await this.#run(key, this.#processes.start(), order, signal, onProgress);
    if ('answer' in second) return second.answer;
    this.#onCrash(second.crash);
    throw crashProblem(order, second.crash);
  }

  /**
   * Lets a process read the files.
   * @throws ProblemError 422 if the reading takes longer than the time limit
   * @throws the reason of `signal`, if it is aborted
   */
  async #run(
    key: string,
    reading: ReadingProcess,
    order: ReadOrder,
    signal: AbortSignal,
    onProgress: (bytes: number) => void,
  ): Promise<Ending> {
    const { timeoutMs } = this.#options;
    const kill = (): void => reading.kill();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, timeoutMs);
    signal.addEventListener('abort', kill);
    try {
      const ending = await reading.read(order, onProgress);
      signal.throwIfAborted();
      if ('crash' in ending && isLate) throw unreadable(order, `reading them takes more than ${timeoutMs / 1_000} s`);
      return ending;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
      this.#processes.giveBack(key, reading);
    }
  }
}
