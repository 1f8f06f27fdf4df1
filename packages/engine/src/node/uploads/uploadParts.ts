// The files of an upload by the part of the form that each came as, and what every reader of a format is given.
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import type { Dataset } from '../../data/dataset.ts';
import { DataFormatError } from '../../data/errors.ts';
import { fileKind, KIND_HEAD_BYTES } from '../../data/fileKinds/index.ts';
import type { NamedBytes } from '../../data/files.ts';
import type { ImageDecoder } from '../../data/images/image.ts';
import { limitsOf, type ReaderOptions } from '../../data/limits.ts';
import type { TablePreparation } from '../../data/table/preparation.ts';
import type { UploadFilePart, UploadOptions } from '../../data/uploadFormats/index.ts';
import type { UploadReport } from '../../data/uploadReport.ts';
import type { Archive } from '../archives/archive.ts';
import { openTar } from '../archives/tarArchive.ts';
import { openZip } from '../archives/zip.ts';
import { errorCode } from '../systemError.ts';

export interface UploadedFile {
  readonly part: UploadFilePart;
  readonly path: string;
}

export interface UploadReaderOptions extends ReaderOptions {
  /** Needed for images alone. */
  readonly decodeImage?: ImageDecoder;
}

/** What the parts of one half of a dataset are called. */
export interface PartNames {
  readonly file: UploadFilePart;
  readonly inputs: UploadFilePart;
  readonly targets: UploadFilePart;
}

export const trainParts: PartNames = { file: 'file', inputs: 'inputs', targets: 'targets' };
export const testParts: PartNames = { file: 'testFile', inputs: 'testInputs', targets: 'testTargets' };

/** What a reader is given beside the files. */
export interface UploadContext {
  readonly options: UploadOptions;
  readonly reader: UploadReaderOptions;
  /** Takes decisions and faults. */
  readonly report: UploadReport;
}

/** The two halves as a format's reader gives them; null where nothing was sent, undefined where there are faults. */
export interface ReadHalves {
  readonly train: Dataset | null | undefined;
  readonly test: Dataset | null | undefined;
  /** How a table was prepared. */
  readonly table?: TablePreparation;
}

export type FormatReader = (upload: UploadedParts, context: UploadContext) => Promise<ReadHalves>;

/** Reads each half by itself, so that the faults of both are found. */
export async function readHalves(
  { report }: UploadContext,
  read: (names: PartNames) => Promise<Dataset | null>,
  placeOf: (names: PartNames) => string,
): Promise<ReadHalves> {
  const train = await report.attempt({ part: placeOf(trainParts) }, async () => await read(trainParts));
  const test = await report.attempt({ part: placeOf(testParts) }, async () => await read(testParts));
  return { train, test };
}

/** Gzip's first bytes. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

export class UploadedParts {
  readonly #files: readonly UploadedFile[];
  readonly #reader: ReaderOptions;
  readonly #archives = new Map<string, Promise<Archive>>();

  constructor(files: readonly UploadedFile[], reader: ReaderOptions) {
    this.#files = files;
    this.#reader = reader;
  }

  of(part: UploadFilePart): readonly UploadedFile[] {
    return this.#files.filter((file) => file.part === part);
  }

  /** The one file of a part; null when there is none. @throws DataFormatError when there are several */
  one(part: UploadFilePart, format: string): UploadedFile | null {
    const files = this.of(part);
    if (files.length > 1) throw new DataFormatError(`${part}: ${format} data is one file, got ${files.length}`);
    return files[0] ?? null;
  }

  /** What a file begins with, unpacked if it is gzipped. @throws DataFormatError when it cannot be unpacked */
  async head({ part, path }: UploadedFile): Promise<Uint8Array> {
    const head = await firstBytes(path);
    if (!isGzip(head)) return head;
    try {
      return await firstUnpackedBytes(path);
    } catch (error) {
      throw new DataFormatError(`${part}: cannot be unpacked: ${errorCode(error)}`, { cause: error });
    }
  }

  /**
   * A file that is a zip or a tar, opened once for all who ask.
   * @throws DataFormatError when it is damaged or holds more than it may
   */
  async archive(file: UploadedFile): Promise<Archive> {
    const known = this.#archives.get(file.path) ?? this.#openArchive(file);
    this.#archives.set(file.path, known);
    return await known;
  }

  async #openArchive(file: UploadedFile): Promise<Archive> {
    const { part, path } = file;
    if (fileKind(await this.head(file))?.id === 'tar') return openTar(await this.read(file), this.#reader);
    return await openZip(part, isGzip(await firstBytes(path)) ? (await this.read(file)).bytes : path, this.#reader);
  }

  /** Closes the archives. */
  async close(): Promise<void> {
    for (const archive of await Promise.allSettled(this.#archives.values())) if (archive.status === 'fulfilled') archive.value.close();
  }

  /** A file in memory, unpacked if it is gzipped, which counts as read then. Messages call it by its part. */
  async read(file: UploadedFile): Promise<NamedBytes> {
    const { storedBytes, ...read } = await this.unpack(file);
    this.#reader.onRead?.(storedBytes);
    return read;
  }

  /** As {@link read}, for a reader that counts the bytes itself. */
  async unpack({ part, path }: UploadedFile): Promise<NamedBytes & { readonly storedBytes: number }> {
    this.#reader.signal?.throwIfAborted();
    const { bytes: limit } = limitsOf(this.#reader);
    const bytes = await readFile(path);
    const storedBytes = bytes.length;
    if (!isGzip(bytes)) return { name: part, bytes, storedBytes };
    try {
      return { name: part, bytes: await promisify(gunzip)(bytes, { maxOutputLength: limit }), storedBytes };
    } catch (error) {
      const code = errorCode(error);
      const reason = code === 'ERR_BUFFER_TOO_LARGE' ? `it holds more than the limit of ${limit} bytes` : code;
      throw new DataFormatError(`${part}: cannot be unpacked: ${reason}`, { cause: error });
    }
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(KIND_HEAD_BYTES), 0, KIND_HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Of a gzipped file; no more is unpacked than that. */
async function firstUnpackedBytes(path: string): Promise<Buffer> {
  const packed = createReadStream(path);
  const unpacked = packed.pipe(createGunzip({ chunkSize: 16 * 1024 }));
  packed.on('error', (error) => unpacked.destroy(error));
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of unpacked as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= KIND_HEAD_BYTES) break;
    }
  } finally {
    packed.destroy();
  }
  return Buffer.concat(pieces).subarray(0, KIND_HEAD_BYTES);
}
