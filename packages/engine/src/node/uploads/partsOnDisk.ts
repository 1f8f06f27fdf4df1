// The files of an upload on the disk, grouped by form part.
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import type { Archive } from '../../data/archive.ts';
import { DataFormatError } from '../../data/errors.ts';
import { fileKind, KIND_HEAD_BYTES } from '../../data/fileKinds/index.ts';
import type { NamedBytes } from '../../data/files.ts';
import { limitsOf, type ReaderOptions } from '../../data/limits.ts';
import type { UploadedFile, UploadedParts, UploadFilePart } from '../../data/uploadFormats/parts.ts';
import { openTar } from '../archives/tarArchive.ts';
import { openZip } from '../archives/zip.ts';
import { errorCode } from '../systemError.ts';

/** Returns whether bytes begin with the signature of gzip. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

export class PartsOnDisk implements UploadedParts {
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

  async head({ part, path }: UploadedFile): Promise<Uint8Array> {
    const head = await firstBytes(path);
    if (!isGzip(head)) return head;
    try {
      return await firstUnpackedBytes(path);
    } catch (error) {
      throw new DataFormatError(`${part}: cannot be unpacked: ${errorCode(error)}`, { cause: error });
    }
  }

  async archive(file: UploadedFile): Promise<Archive> {
    const known = this.#archives.get(file.path) ?? this.#openArchive(file);
    this.#archives.set(file.path, known);
    return await known;
  }

  async #openArchive(file: UploadedFile): Promise<Archive> {
    const { part, path } = file;
    if (fileKind(await this.head(file))?.id === 'tar') {
      const { storedBytes, ...tar } = await this.unpack(file);
      return openTar(tar, storedBytes, this.#reader);
    }
    if (!isGzip(await firstBytes(path))) return await openZip(part, path, (await stat(path)).size, this.#reader);
    const { storedBytes, bytes } = await this.unpack(file);
    return await openZip(part, bytes, storedBytes, this.#reader);
  }

  /** Closes the archives that were opened. */
  async close(): Promise<void> {
    for (const archive of await Promise.allSettled(this.#archives.values())) if (archive.status === 'fulfilled') archive.value.close();
  }

  async read(file: UploadedFile): Promise<NamedBytes> {
    const { storedBytes, ...read } = await this.unpack(file);
    this.#reader.onRead?.(storedBytes);
    return read;
  }

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

/** Unpacks only the beginning of a gzipped file. */
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
