// The API's side of a process that reads one upload: its messages, its end, and one that is kept ready for the next upload.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ReaderLimits, Taken, UploadedContent, UploadFault, UploadFormat, UploadOptions } from '@trainyard/engine';
import type { UploadedFile, WeightsFile } from '@trainyard/engine/node';

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

export type FinalAnswer = Exclude<ReadAnswer, { readonly read: number }>;

/** How a process ended that sent no result. */
export interface ReaderCrash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** V8 reported a full heap, or the system killed the process: nothing else sends SIGKILL. */
  readonly isOutOfMemory: boolean;
  /** The line of its error output that says why, if there is one. */
  readonly reason: string | null;
}

/** How a reading ended. */
export type Ending = { readonly answer: FinalAnswer } | { readonly crash: ReaderCrash };

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

export interface ReadingProcessOptions {
  /** Of V8's heap. */
  readonly heapMegabytes: number;
  /** Of the process as a whole. It is killed when it has more. */
  readonly memoryBytes: number;
}

/** A process that waits for an order, reads it and ends. It also ends with this process. */
export class ReadingProcess {
  readonly #process: ChildProcess;
  readonly #errorOutput: ErrorOutput;
  readonly #closed: Promise<unknown[]>;

  constructor({ heapMegabytes, memoryBytes }: ReadingProcessOptions) {
    this.#process = fork(new URL('./readerProcess.js', import.meta.url), [String(memoryBytes)], {
      // It needs nothing of the environment.
      env: {},
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#errorOutput = new ErrorOutput(this.#process.stderr);
    this.#closed = once(this.#process, 'close');
    // A process that cannot be started is an error of `read`.
    this.#closed.catch(() => undefined);
  }

  get isAlive(): boolean {
    return this.#process.connected && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Gives the order, once, and waits until the process has ended. */
  async read(order: ReadOrder, onProgress: (bytes: number) => void): Promise<Ending> {
    let answer: FinalAnswer | undefined;
    this.#process.on('message', (message) => {
      const received = message as ReadAnswer;
      if ('read' in received) onProgress(received.read);
      else answer = received;
    });
    this.#process.send(order, () => {});
    const [exitCode, signal] = (await this.#closed) as [number | null, NodeJS.Signals | null];
    if (answer !== undefined) return { answer };
    const reason = this.#errorOutput.reason();
    const isOutOfMemory = signal === 'SIGKILL' || /out of memory|allocation failed/i.test(reason ?? '');
    return { crash: { exitCode, signal, isOutOfMemory, reason } };
  }
}

export interface SpareProcessOptions extends ReadingProcessOptions {
  /** How long a process is kept ready, in ms; 0: none is. */
  readonly readyMs: number;
}

/** Keeps one process ready while uploads come, because starting one takes longer than reading a small upload. */
export class SpareProcess {
  readonly #options: SpareProcessOptions;
  #ready: ReadingProcess | null = null;
  #expiry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SpareProcessOptions) {
    this.#options = options;
  }

  /** The process that is ready, or a new one. */
  take(): ReadingProcess {
    const ready = this.#ready;
    this.#ready = null;
    clearTimeout(this.#expiry);
    return ready?.isAlive === true ? ready : new ReadingProcess(this.#options);
  }

  /** Starts a process for the next upload, if there is none. */
  prepare(): void {
    if (this.#options.readyMs === 0 || this.#isClosed) return;
    if (this.#ready?.isAlive !== true) this.#ready = new ReadingProcess(this.#options);
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#end(), this.#options.readyMs);
  }

  /** Ends the process that is ready. */
  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#expiry);
    this.#ready?.kill();
    this.#ready = null;
  }
}
