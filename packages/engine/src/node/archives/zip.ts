// Reads the zips of any program with yauzl. The sizes that a zip states are compared with the sizes of the unpacked files.
import { open as openFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import yauzl, { type Entry, type Options, type ZipFile } from 'yauzl';
import type { Archive, ArchiveFile } from '../../data/archive.ts';
import { DataFormatError } from '../../data/errors.ts';
import { limitsOf, type ReaderLimits, type ReaderOptions } from '../../data/limits.ts';
import { ArchivePaths, reading } from './archive.ts';
import { BoundedZipReader } from '../boundedZipReader.ts';
import { namesOf } from './zipNames.ts';

const methods: ReadonlyMap<number, string> = new Map([
  [0, 'stored'],
  [8, 'Deflate'],
  [9, 'Deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'Zstandard'],
  [95, 'xz'],
  [98, 'PPMd'],
]);
const readMethods: readonly number[] = [0, 8];
/** An entry that is encrypted with AES has this number in place of its compression method. */
const AES = 99;

/**
 * Opens a zip and reads its directory.
 * @param name the name of the zip in messages
 * @param source the path or the bytes of the zip
 * @param storedBytes the size of the uploaded file
 * @throws DataFormatError if the zip is damaged or over a limit
 */
export async function openZip(name: string, source: string | Uint8Array, storedBytes: number, options: ReaderOptions): Promise<Archive> {
  const limits = limitsOf(options);
  const open = { autoClose: false, lazyEntries: true, decodeStrings: false };
  const zip = await reading(name, options, async () =>
    typeof source === 'string' ? await openBounded(source, open) : await yauzl.fromBufferPromise(Buffer.from(source), open),
  );
  try {
    const entries = await reading(name, options, async () => await entriesOf(zip, name, limits));
    return { ...archiveOf(name, zip, entries, limits, options), storedBytes };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** Opens a zip file with a reader that refuses positions beyond the end of the file. */
async function openBounded(path: string, options: Options): Promise<ZipFile> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    return await yauzl.fromRandomAccessReaderPromise(new BoundedZipReader(file, size, true), size, options);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Returns all entries. They include the folders that have an entry of their own. */
async function entriesOf(zip: ZipFile, name: string, limits: ReaderLimits): Promise<Entry[]> {
  if (zip.entryCount > 2 * limits.files + limits.classes) {
    throw new DataFormatError(`${name}: ${zip.entryCount} files are over the limit of ${limits.files}`);
  }
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(entry);
  return entries;
}

function archiveOf(
  name: string,
  zip: ZipFile,
  entries: readonly Entry[],
  limits: ReaderLimits,
  options: ReaderOptions,
): Omit<Archive, 'storedBytes'> {
  const paths = new ArchivePaths(name);
  const files: ArchiveFile[] = [];
  const { names, encoding } = namesOf(entries);
  const refused = new Map<string, { readonly first: string; count: number }>();
  let total = 0;
  for (const [i, entry] of entries.entries()) {
    const path = paths.file(names[i], false);
    if (path === null) continue;
    const { uncompressedSize, compressionMethod } = entry;
    total += uncompressedSize;
    if (total > limits.bytes) throw new DataFormatError(`${name}: its files unpack to more than the limit of ${limits.bytes} bytes`);
    const reason = refusalOf(entry);
    if (reason !== null) {
      const same = refused.get(reason) ?? { first: path, count: 0 };
      same.count += 1;
      refused.set(reason, same);
    }
    files.push({
      path,
      bytes: uncompressedSize,
      read: async () => {
        if (!readMethods.includes(compressionMethod)) throw new DataFormatError(`${name}/${path}: ${reason}`);
        return await reading(`${name}/${path}`, options, async () => await buffer(await zip.openReadStreamPromise(entry)));
      },
    });
  }
  for (const [reason, { first, count }] of refused) {
    paths.fault(first, `${name}/${first}${count === 1 ? '' : ` and ${count - 1} more`}: ${reason}`);
  }
  return {
    kind: 'zip',
    files,
    folders: paths.folders,
    nameEncoding: encoding,
    merged: paths.merged,
    faults: paths.faults,
    close: () => zip.close(),
  };
}

/** Returns the reason why an entry cannot be unpacked, or null if it can be unpacked. */
function refusalOf(entry: Entry): string | null {
  const { compressionMethod } = entry;
  if (entry.isEncrypted() || compressionMethod === AES) return 'is encrypted: zip it again without a password';
  if (readMethods.includes(compressionMethod)) return null;
  const method = methods.get(compressionMethod) ?? `method ${compressionMethod}`;
  return `is compressed by ${method}, which is not read: zip it again with Deflate, the usual method`;
}
