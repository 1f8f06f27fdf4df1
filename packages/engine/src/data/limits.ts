// How much a file that a user brings may turn into, and how whoever reads it stays interruptible. Formats that pack their
// data announce sizes that need not be true, so readers check what comes out, not what is said.
import { formatShape, type Shape } from '../shape.ts';
import { DataFormatError } from './errors.ts';

export interface ReaderLimits {
  /** What a dataset may take in memory, in bytes. */
  readonly bytes: number;
  /** Files in a folder or a zip. */
  readonly files: number;
  /** One image file, in bytes, unpacked from its zip. */
  readonly fileBytes: number;
  /** Pixels of one image. */
  readonly pixels: number;
  /** Classes of a dataset. */
  readonly classes: number;
}

export const readerLimits: ReaderLimits = { bytes: 2 ** 31, files: 200_000, fileBytes: 2 ** 26, pixels: 2 ** 24, classes: 10_000 };

export interface ReaderOptions {
  /** Default {@link readerLimits}. */
  readonly limits?: Partial<ReaderLimits>;
  readonly signal?: AbortSignal;
  /** Called with the bytes of uploaded files that were read since the last call. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

export function limitsOf({ limits }: ReaderOptions): ReaderLimits {
  return { ...readerLimits, ...limits };
}

/** @throws DataFormatError when samples of this shape take more memory than a dataset may. */
export function checkMemory(name: string, samples: number, shape: Shape, bytes: number, limits: ReaderLimits): void {
  if (bytes <= limits.bytes) return;
  throw new DataFormatError(
    `${name}: ${samples} samples of shape ${formatShape(shape)} take ${bytes} bytes, which is over the limit of ${limits.bytes}`,
  );
}

/** Milliseconds between two looks at the event loop. */
const BREATH_MS = 20;

/** Lets messages and timers in while something long is read. */
export class Breather {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  constructor({ signal }: ReaderOptions) {
    this.#signal = signal;
  }

  /** @throws the signal's reason when aborted. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#last < BREATH_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
    this.#signal?.throwIfAborted();
  }
}
