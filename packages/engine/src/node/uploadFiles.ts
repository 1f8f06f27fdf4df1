// A dataset out of the files that a user brought, which lie on the disk under names of ours: each is looked at, not believed.
// Messages call a file by its part of the form. Where uploads come from and where datasets go to is not known here.
import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { cifarDataset } from '../data/cifarBinary.ts';
import { csvDataset } from '../data/csv.ts';
import type { Dataset, Splits } from '../data/dataset.ts';
import { DataFormatError } from '../data/errors.ts';
import type { NamedBytes } from '../data/files.ts';
import { idxDataset, parseIdx } from '../data/idx.ts';
import { limitsOf, type ReaderLimits, type ReaderOptions } from '../data/limits.ts';
import { npyDataset } from '../data/npy.ts';
import { joined, reshaped, type UploadFilePart, type UploadFormat, type UploadOptions } from '../data/upload.ts';
import { readImageZip } from './imageFiles.ts';
import { errorCode } from './systemError.ts';

export interface UploadedFile {
  readonly part: UploadFilePart;
  readonly path: string;
}

/** As NumPy and MNIST's files have it: classes are numbers from 0 on. */
const numbered = (count: number): string[] => Array.from({ length: count }, (_, number) => String(number));

/**
 * Reads the files of an upload.
 * @throws DataFormatError that names the part and the byte, row or entry, `signal.reason` when aborted.
 */
export async function readUpload(
  files: readonly UploadedFile[],
  options: UploadOptions,
  reader: ReaderOptions = {},
): Promise<{ readonly splits: Splits; readonly format: UploadFormat }> {
  const upload = new Upload(files, options, reader);
  const format = options.format ?? (await upload.recognised());
  checkOptions(format, options);
  const train = await upload.read(format, { file: 'file', inputs: 'inputs', targets: 'targets' });
  if (train === null) throw new DataFormatError(missing(format));
  const test = await upload.read(format, { file: 'testFile', inputs: 'testInputs', targets: 'testTargets' });
  return { splits: joined(train, test, limitsOf(reader)), format };
}

const isPair = (format: UploadFormat): boolean => format === 'idx' || format === 'npy';

function missing(format: UploadFormat): string {
  return isPair(format)
    ? `${format} data is a pair of files: send the parts inputs and targets`
    : `${format} data is sent as the part file`;
}

/** Options that would do nothing are refused. */
function checkOptions(format: UploadFormat, { targetColumn, targetKind, inputShape }: UploadOptions): void {
  const given = Object.entries({ targetColumn, targetKind, inputShape }).find(([, value]) => value !== undefined);
  if (format !== 'csv' && given !== undefined)
    throw new DataFormatError(`${given[0]} is for csv, and these files are ${format}: leave it out`);
}

interface PartNames {
  readonly file: UploadFilePart;
  readonly inputs: UploadFilePart;
  readonly targets: UploadFilePart;
}

class Upload {
  readonly #files: readonly UploadedFile[];
  readonly #options: UploadOptions;
  readonly #reader: ReaderOptions;
  readonly #limits: ReaderLimits;

  constructor(files: readonly UploadedFile[], options: UploadOptions, reader: ReaderOptions) {
    this.#files = files;
    this.#options = options;
    this.#reader = reader;
    this.#limits = limitsOf(reader);
  }

  /** By the first bytes of the first file, as far as they say it. */
  async recognised(): Promise<UploadFormat> {
    const [inputs] = this.#of('inputs');
    const [file] = this.#of('file');
    if (inputs === undefined && file === undefined) {
      throw new DataFormatError('there is nothing to train on: send a part file, or the parts inputs and targets');
    }
    if (file === undefined) return (await this.#head(inputs))[0] === 0x93 ? 'npy' : 'idx';
    const head = await this.#head(file);
    if (head[0] === 0x50 && head[1] === 0x4b) return 'images';
    return isText(head) ? 'csv' : 'cifar';
  }

  /** What a file begins with, unpacked if it is gzipped. */
  async #head(file: UploadedFile): Promise<Uint8Array> {
    const head = await firstBytes(file.path);
    return isPacked(head) ? (await this.#read(file)).bytes.subarray(0, HEAD_BYTES) : head;
  }

  /** One part of the dataset; null when nothing was sent for it. */
  async read(format: UploadFormat, names: PartNames): Promise<Dataset | null> {
    const [pair, single] = [[names.inputs, names.targets], [names.file]];
    const strange = (isPair(format) ? single : pair).flatMap((part) => this.#of(part));
    if (strange.length > 0) throw new DataFormatError(`${strange[0].part}: ${missing(format)}`);
    if (isPair(format)) return await this.#readPair(format, names);
    const files = this.#of(names.file);
    if (files.length === 0) return null;
    if (files.length > 1 && format !== 'cifar') throw new DataFormatError(`${names.file}: ${format} data is one file, got ${files.length}`);
    switch (format) {
      case 'images':
        return await readImageZip(files[0].path, this.#reader, names.file);
      case 'csv':
        return await this.#readTable(await this.#read(files[0]));
      default:
        return await this.#readCifar(files);
    }
  }

  async #readPair(format: UploadFormat, names: PartNames): Promise<Dataset | null> {
    const [inputs, targets] = [this.#of(names.inputs), this.#of(names.targets)];
    if (inputs.length === 0 && targets.length === 0) return null;
    if (inputs.length !== 1 || targets.length !== 1) {
      throw new DataFormatError(`${names.inputs} and ${names.targets} are a pair, got ${inputs.length} and ${targets.length} files`);
    }
    const [x, y] = [await this.#read(inputs[0]), await this.#read(targets[0])];
    if (format === 'npy') return npyDataset(x, y, this.#reader);
    const labels = parseIdx(y.bytes, y.name).data;
    return idxDataset(x, y, numbered(1 + Math.max(0, ...new Set(labels))));
  }

  async #readTable(file: NamedBytes): Promise<Dataset> {
    const { targetColumn, targetKind, inputShape } = this.#options;
    const table = await csvDataset(file, {
      ...this.#reader,
      ...(targetColumn !== undefined && { target: targetColumn }),
      ...(targetKind !== undefined && { kind: targetKind }),
    });
    return reshaped(file.name, table, inputShape);
  }

  async #readCifar(files: readonly UploadedFile[]): Promise<Dataset> {
    const batches: NamedBytes[] = [];
    for (const [i, file] of files.entries()) {
      const batch = await this.#read(file);
      batches.push(files.length === 1 ? batch : { ...batch, name: `${batch.name} ${i + 1}` });
    }
    const dataset = cifarDataset(batches, numbered(256), Number.POSITIVE_INFINITY);
    const classes = numbered(1 + Math.max(...new Set<number>(dataset.targets)));
    return { ...dataset, target: { kind: 'class', classes } };
  }

  #of(part: UploadFilePart): readonly UploadedFile[] {
    return this.#files.filter((file) => file.part === part);
  }

  /** A file in memory, unpacked if it is gzipped. */
  async #read({ part, path }: UploadedFile): Promise<NamedBytes> {
    this.#reader.signal?.throwIfAborted();
    const bytes = await readFile(path);
    if (!isPacked(bytes)) return { name: part, bytes };
    try {
      return { name: part, bytes: await promisify(gunzip)(bytes, { maxOutputLength: this.#limits.bytes }) };
    } catch (error) {
      const code = errorCode(error);
      const reason = code === 'ERR_BUFFER_TOO_LARGE' ? `it holds more than the limit of ${this.#limits.bytes} bytes` : code;
      throw new DataFormatError(`${part}: cannot be unpacked: ${reason}`, { cause: error });
    }
  }
}

/** Gzip's first bytes. */
const isPacked = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** What it takes to tell a table from pixels. */
const HEAD_BYTES = 4096;

/** UTF-8 (which may be cut off at the end) without control characters. */
function isText(head: Uint8Array): boolean {
  if (head.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return false;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true }) !== '';
  } catch {
    return false;
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
