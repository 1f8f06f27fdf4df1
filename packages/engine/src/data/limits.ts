// The limits for the content of users' files, and a class that pauses long tasks, so that the process still handles other events. An
// archive may state a wrong size, so readers count the unpacked data.
import { formatShape, type Shape } from '../shape.ts';
import { DataFormatError } from './errors.ts';

export interface ReaderLimits {
  /** The maximum number of bytes of a dataset in memory. */
  readonly bytes: number;
  /** The maximum number of files in a folder or an archive. */
  readonly files: number;
  /** The maximum number of bytes of one image file, after unpacking from its archive. */
  readonly fileBytes: number;
  /** The maximum number of pixels of one image file. */
  readonly pixels: number;
  /** The maximum number of values of one sample. */
  readonly sampleValues: number;
  /** The maximum number of classes of a dataset. */
  readonly classes: number;
}

export const readerLimits: ReaderLimits = {
  bytes: 2 ** 31,
  files: 200_000,
  fileBytes: 2 ** 26,
  pixels: 2 ** 26,
  sampleValues: 2 ** 24,
  classes: 10_000,
};

export interface ReaderOptions {
  /** Limits that replace single fields of {@link readerLimits}. */
  readonly limits?: Partial<ReaderLimits>;
  readonly signal?: AbortSignal;
  /** Is called with the number of bytes of uploaded files that were read since the last call. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

export function limitsOf({ limits }: ReaderOptions): ReaderLimits {
  return { ...readerLimits, ...limits };
}

/** Checks the memory of a dataset. @throws DataFormatError if `bytes` is over the limit */
export function checkMemory(name: string, samples: number, shape: Shape, bytes: number, limits: ReaderLimits): void {
  if (bytes <= limits.bytes) return;
  throw new DataFormatError(
    `${name}: ${samples} samples of shape ${formatShape(shape)} take ${bytes} bytes, which is over the limit of ${limits.bytes}`,
  );
}

/** The time between two pauses for the event loop, in milliseconds. */
const BREATH_MS = 20;

/** Pauses a long task from time to time, so that the event loop can handle messages and timers. */
export class Breather {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  constructor({ signal }: ReaderOptions) {
    this.#signal = signal;
  }

  /** Pauses if the last pause was at least {@link BREATH_MS} ago. @throws the signal's reason if aborted */
  async breathe(): Promise<void> {
    if (performance.now() - this.#last < BREATH_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
    this.#signal?.throwIfAborted();
  }
}
