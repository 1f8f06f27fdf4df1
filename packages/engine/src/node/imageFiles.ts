// Image datasets from a folder or a zip on the disk. Nothing is unpacked to the disk, so that no path in a zip can lead
// anywhere; what a zip says of its sizes is checked against what comes out. Messages name files by their place in the
// folder or zip.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { Dataset } from '../data/dataset.ts';
import { DataFormatError } from '../data/errors.ts';
import { type ImageSource, imageDataset } from '../data/images/imageDataset.ts';
import { limitsOf, type ReaderLimits, type ReaderOptions } from '../data/limits.ts';
import { errorCode } from './systemError.ts';

/**
 * A split from a folder of PNG and JPEG files, one folder in it a class.
 * @throws DataFormatError that names the file that cannot be read or does not fit, `signal.reason` when aborted.
 */
export async function readImageFolder(folder: string, options: ReaderOptions = {}): Promise<Dataset> {
  const limits = limitsOf(options);
  const name = basename(folder);
  const entries = await reading(name, options, () => readdir(folder, { recursive: true, withFileTypes: true }));
  const sources: ImageSource[] = [];
  for (const entry of entries) {
    const path = relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/');
    if (entry.isDirectory()) continue;
    // A link may lead anywhere.
    if (!entry.isFile()) throw new DataFormatError(`${name}: ${JSON.stringify(path)} is no plain file`);
    sources.push({
      path,
      read: () => reading(`${name}/${path}`, options, () => readLimited(join(folder, path), `${name}/${path}`, limits)),
    });
  }
  return imageDataset(name, sources, options);
}

async function readLimited(path: string, name: string, limits: ReaderLimits): Promise<Uint8Array> {
  const { size } = await stat(path);
  checkFileSize(name, size, limits);
  return readFile(path);
}

/**
 * A split from a zip of PNG and JPEG files, one folder in it a class.
 * @param path the zip's
 * @param name what to call it in messages; default its file name
 * @throws DataFormatError that names the file that cannot be read or does not fit, `signal.reason` when aborted.
 */
export async function readImageZip(path: string, options: ReaderOptions = {}, name = basename(path)): Promise<Dataset> {
  const limits = limitsOf(options);
  const zip = await reading(name, options, () => yauzl.openPromise(path, { autoClose: false, lazyEntries: true, strictFileNames: true }));
  try {
    const entries = await reading(name, options, () => entriesOf(zip, name, limits));
    const sources = entries.map((entry): ImageSource => {
      const file = `${name}/${entry.fileName}`;
      return {
        path: entry.fileName,
        read: () => reading(file, options, async () => buffer(await zip.openReadStreamPromise(entry))),
      };
    });
    return await imageDataset(name, sources, options);
  } finally {
    zip.close();
  }
}

/** The files that a zip says it holds. Its reader then takes no more out of one than was said here. */
async function entriesOf(zip: ZipFile, name: string, limits: ReaderLimits): Promise<Entry[]> {
  // Folders are entries too, and a zip may have one for each class.
  if (zip.entryCount > limits.files + limits.classes) {
    throw new DataFormatError(`${name}: ${zip.entryCount} files are over the limit of ${limits.files}`);
  }
  const entries: Entry[] = [];
  const paths = new Set<string>();
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    const { fileName, uncompressedSize } = entry;
    if (fileName.endsWith('/')) continue;
    const file = `${name}/${fileName}`;
    if (paths.has(fileName)) throw new DataFormatError(`${name}: holds ${JSON.stringify(fileName)} twice`);
    if (entry.isEncrypted()) throw new DataFormatError(`${file}: is encrypted`);
    checkFileSize(file, uncompressedSize, limits);
    total += uncompressedSize;
    if (total > limits.bytes) throw new DataFormatError(`${name}: its files unpack to more than the limit of ${limits.bytes} bytes`);
    paths.add(fileName);
    entries.push(entry);
  }
  return entries;
}

function checkFileSize(name: string, bytes: number, limits: ReaderLimits): void {
  if (bytes > limits.fileBytes)
    throw new DataFormatError(`${name}: ${bytes} bytes are over the limit of ${limits.fileBytes} for an image file`);
}

/** Runs an operation on the disk or the zip; its failure is one of the file. */
async function reading<T>(name: string, { signal }: ReaderOptions, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DataFormatError) throw error;
    // The zip reader's errors have no code; they speak of the zip alone. The system's may hold a path.
    const reason = error instanceof Error && !('code' in error) ? error.message : errorCode(error);
    throw new DataFormatError(`${name} cannot be read: ${reason}`, { cause: error });
  }
}
