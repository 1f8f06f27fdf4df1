// The files of an upload by the part of the form that each came as, and what every reader of a format is given.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Dataset } from '../../data/dataset.ts';
import { DataFormatError } from '../../data/errors.ts';
import type { NamedBytes } from '../../data/files.ts';
import { limitsOf, type ReaderOptions } from '../../data/limits.ts';
import type { TablePreparation } from '../../data/table/preparation.ts';
import type { UploadFilePart, UploadOptions } from '../../data/uploadFormats/index.ts';
import type { UploadReport } from '../../data/uploadReport.ts';
import { errorCode } from '../systemError.ts';

export interface UploadedFile {
  readonly part: UploadFilePart;
  readonly path: string;
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
  readonly reader: ReaderOptions;
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

  /** A file in memory, unpacked if it is gzipped. Messages call it by its part. */
  async read({ part, path }: UploadedFile): Promise<NamedBytes> {
    this.#reader.signal?.throwIfAborted();
    const { bytes: limit } = limitsOf(this.#reader);
    const bytes = await readFile(path);
    if (!isGzip(bytes)) return { name: part, bytes };
    try {
      return { name: part, bytes: await promisify(gunzip)(bytes, { maxOutputLength: limit }) };
    } catch (error) {
      const code = errorCode(error);
      const reason = code === 'ERR_BUFFER_TOO_LARGE' ? `it holds more than the limit of ${limit} bytes` : code;
      throw new DataFormatError(`${part}: cannot be unpacked: ${reason}`, { cause: error });
    }
  }
}
