// Controls the processes that read uploads for the API: their messages, how they end, and which are kept for the next upload of a key.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import type { ChosenSetting, ReaderLimits, UploadedContent, UploadFault, UploadFormat, UploadOptions } from '@trainyard/engine/data';
import type { StoredStatistics } from '@trainyard/jobs';
import type { UploadedFile, WeightsFile } from '@trainyard/engine/node';
import { childEnvironment } from '../childEnvironment.ts';

/** An order to make a dataset from files. */
export interface DatasetOrder {
  readonly files: readonly UploadedFile[];
  readonly options: UploadOptions;
  readonly limits: Partial<ReaderLimits>;
  /** Where to write the NPZ file. */
  readonly output: string;
}

/** An order to check a file of weights. */
export interface WeightsOrder {
  readonly weightsFile: string;
  /** Where to write a safetensors file, if the weights have another format. */
  readonly converted: string;
  readonly maxBytes: number;
}

/** The message to the process. */
export type ReadOrder = DatasetOrder | WeightsOrder;

/** The result of reading the files of a dataset. */
export interface ReadDataset {
  readonly content: UploadedContent;
  readonly format: UploadFormat;
  readonly taken: readonly ChosenSetting[];
  readonly statistics: StoredStatistics;
}

/** The result of an order. */
export type ReadAnswer =
  | ReadDataset
  | { readonly weights: WeightsFile }
  /** Why no weights can be read from the file. */
  | { readonly unusable: string }
  /** What is wrong with the files. */
  | { readonly faults: readonly UploadFault[] }
  /** The system's code of a failed file operation, such as ENOSPC. */
  | { readonly diskCode: string };

/** A message from the process: how many bytes were read so far, or finally the answer with the memory in use, in bytes. */
export type ReadMessage = { readonly read: number } | { readonly answer: ReadAnswer; readonly residentBytes: number };

/** How a process ended without a result. */
export interface ReaderCrash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** V8 reported a full heap, or SIGKILL ended the process: memoryWatch.ts and the system send it when memory runs out. */
  readonly isOutOfMemory: boolean;
  /** The line of the error output that says why the process ended, if there is one. */
  readonly reason: string | null;
}

/** How a reading ended. */
export type Ending = { readonly answer: ReadAnswer } | { readonly crash: ReaderCrash };

/** Keeps the last characters of a process's error output. */
class ErrorOutput {
  static readonly #most = 8_192;
  #text = '';

  constructor(stream: Readable | null) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      this.#text = (this.#text + piece).slice(-ErrorOutput.#most);
    });
  }

  /** Returns the line with the error. The stack is left out, because it contains paths of files. */
  reason(): string | null {
    return /^(FATAL ERROR: |\w*Error\b|# Fatal ).*$/m.exec(this.#text)?.[0] ?? null;
  }
}

export interface ReadingProcessOptions {
  /** The limit of V8's heap, in MiB. */
  readonly heapMegabytes: number;
  /** The memory limit of the whole process, in bytes. A process that uses more is killed. */
  readonly memoryBytes: number;
  /** After this time, in ms, a process that still reads an upload gets a lower CPU priority than the rest of the service. */
  readonly yieldMs: number;
}

/** The niceness (Unix priority) of long readings. */
const YIELDING = 10;

/** The most memory of a process that may be used again, in bytes. */
const mostKeptBytes = 400e6;

/** A process that handles one order at a time. It ends when this process ends. */
export class ReadingProcess {
  readonly #process: ChildProcess;
  readonly #errorOutput: ErrorOutput;
  readonly #crash: Promise<Ending>;
  readonly #yieldMs: number;
  #isReusable = true;

  constructor({ heapMegabytes, memoryBytes, yieldMs }: ReadingProcessOptions) {
    this.#process = fork(new URL('./readerProcess.js', import.meta.url), [String(memoryBytes)], {
      env: childEnvironment(process.env),
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#errorOutput = new ErrorOutput(this.#process.stderr);
    this.#yieldMs = yieldMs;
    this.#crash = once(this.#process, 'close').then(([exitCode, signal]) =>
      this.#crashOf(exitCode as number | null, signal as NodeJS.Signals | null),
    );
    // If the process cannot be started, `read` throws the error.
    this.#crash.catch(() => undefined);
  }

  /** Whether the process can handle another order. It cannot after a long reading, or when much memory is in use. */
  get isReusable(): boolean {
    return this.#isReusable && this.#process.connected && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Sends an order and waits for its answer or the end of the process. */
  async read(order: ReadOrder, onProgress: (bytes: number) => void): Promise<Ending> {
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const receive = (message: ReadMessage): void => {
      if ('read' in message) return onProgress(message.read);
      this.#isReusable &&= message.residentBytes <= mostKeptBytes;
      resolve({ answer: message.answer });
    };
    const timer = setTimeout(() => this.#yieldCpu(), this.#yieldMs);
    this.#process.on('message', receive);
    try {
      this.#process.send(order, () => {});
      return await Promise.race([promise, this.#crash]);
    } finally {
      clearTimeout(timer);
      this.#process.off('message', receive);
    }
  }

  #crashOf(exitCode: number | null, signal: NodeJS.Signals | null): Ending {
    const reason = this.#errorOutput.reason();
    const isOutOfMemory = signal === 'SIGKILL' || /out of memory|allocation failed/i.test(reason ?? '');
    return { crash: { exitCode, signal, isOutOfMemory, reason } };
  }

  /** Lowers the priority of the process. The priority cannot be raised again, so the process is not used again. */
  #yieldCpu(): void {
    this.#isReusable = false;
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      for (const thread of threadsOf(pid)) setPriority(thread, YIELDING);
    } catch {
      // The process has ended.
    }
  }
}

/** Returns the ids that have a priority: on Linux those of all threads, on other systems that of the process. */
function threadsOf(pid: number): readonly number[] {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`).map(Number) : [pid];
}

export interface KeptProcessesOptions extends ReadingProcessOptions {
  /** How long a process is kept after an upload, in ms. 0 means not at all. */
  readonly keptMs: number;
  /** How long after its own start, or after the use of the spare process, the service starts a spare process, in ms. `null`: never. */
  readonly spareMs: number | null;
  /** How many processes are kept. */
  readonly most: number;
}

/**
 * Keeps processes for the next upload of the same key, and a spare one for the next key, because starting one takes longer than reading a
 * small upload. No process reads files of two keys, so that no file can harm those of another key.
 */
export class KeptProcesses {
  readonly #options: KeptProcessesOptions;
  /** The kept process of each key, the most recently used one last. */
  readonly #kept = new Map<string, { readonly process: ReadingProcess; readonly expiry: NodeJS.Timeout }>();
  #spare: ReadingProcess | undefined;
  #spareTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: KeptProcessesOptions) {
    this.#options = options;
    this.#startSpareSoon();
  }

  /** Returns the process that is kept for a key, or else the spare one; `undefined` if there is neither. */
  takeReady(key: string): ReadingProcess | undefined {
    const kept = this.#remove(key);
    if (kept?.isReusable === true) return kept;
    kept?.kill();
    const spare = this.#spare;
    this.#spare = undefined;
    this.#startSpareSoon();
    return spare?.isReusable === true ? spare : undefined;
  }

  /** Starts a new process. */
  start(): ReadingProcess {
    return new ReadingProcess(this.#options);
  }

  /** Keeps a process that has read an order of a key, or ends it. */
  giveBack(key: string, process: ReadingProcess): void {
    const { keptMs, most } = this.#options;
    if (this.#isClosed || keptMs === 0 || !process.isReusable) return process.kill();
    this.#remove(key)?.kill();
    const expiry = setTimeout(() => this.#remove(key)?.kill(), keptMs);
    this.#kept.set(key, { process, expiry });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > most && oldest !== undefined) this.#remove(oldest)?.kill();
  }

  /** Ends the processes that are kept. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#spareTimer);
    this.#spare?.kill();
    for (const key of this.#kept.keys()) this.#remove(key)?.kill();
  }

  /** Starts a spare process after a pause, so that it does not slow down the start of the service or the current upload. */
  #startSpareSoon(): void {
    const { spareMs } = this.#options;
    if (spareMs === null) return;
    clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => {
      if (!this.#isClosed) this.#spare ??= new ReadingProcess(this.#options);
    }, spareMs);
  }

  #remove(key: string): ReadingProcess | undefined {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    clearTimeout(kept?.expiry);
    return kept?.process;
  }
}
