// Reads a zip for its parser, and checks that every position is within the file. Positions come from the zip itself, and a position outside
// of the file would crash the process.
import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { callbackify } from 'node:util';
import yauzl from 'yauzl';

const PIECE_BYTES = 2 ** 16;
const BEYOND_END = 'the zip is damaged: it refers to bytes beyond its end';

export class BoundedZipReader extends yauzl.RandomAccessReader {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #closesFile: boolean;

  /**
   * @param size the size of the file in bytes
   * @param closesFile whether closing the zip also closes the file. Default: false
   */
  constructor(file: FileHandle, size: number, closesFile = false) {
    super();
    this.#file = file;
    this.#size = size;
    this.#closesFile = closesFile;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytes?: number) => void,
  ): void {
    if (this.#holds(position, position + length)) read(this.#file.fd, buffer, offset, length, position, callback);
    else setImmediate(callback, new Error(BEYOND_END));
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end));
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer, void, void> {
    if (!this.#holds(start, end)) throw new Error(BEYOND_END);
    for (let at = start; at < end; at += PIECE_BYTES) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, end - at));
      await this.#file.read(piece, 0, piece.length, at);
      yield piece;
    }
  }

  override close(callback: (error: Error | null) => void): void {
    if (this.#closesFile) callbackify(() => this.#file.close())(callback);
    else callback(null);
  }

  #holds(start: number, end: number): boolean {
    return start >= 0 && start <= end && end <= this.#size;
  }
}
