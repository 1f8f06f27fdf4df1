// Opens a tar in memory as an archive.
import type { Archive, ArchiveFile } from '../../data/archive.ts';
import { DataFormatError } from '../../data/errors.ts';
import type { NamedBytes } from '../../data/files.ts';
import { limitsOf, type ReaderOptions } from '../../data/limits.ts';
import { tarEntries } from '../../data/tar.ts';
import { ArchivePaths } from './archive.ts';

/**
 * Opens a tar.
 * @param storedBytes the size of the uploaded file
 * @throws DataFormatError if the tar is damaged or has more files than the limit
 */
export function openTar({ name, bytes }: NamedBytes, storedBytes: number, options: ReaderOptions): Archive {
  const limits = limitsOf(options);
  const paths = new ArchivePaths(name);
  const files: ArchiveFile[] = [];
  let entries = 0;
  for (const { path: written, kind, content } of tarEntries(bytes, name)) {
    entries += 1;
    // The same limit as for zips. It is higher than the limit of files, because an archive may also have entries for folders and for
    // ignored files.
    if (entries > 2 * limits.files + limits.classes)
      throw new DataFormatError(`${name}: it has too many entries for the limit of ${limits.files} files`);
    if (kind === 'other') continue;
    const path = paths.file(written, kind === 'folder');
    if (path === null) continue;
    files.push({ path, bytes: content.length, read: () => Promise.resolve(content) });
  }
  return {
    kind: 'tar',
    storedBytes,
    files,
    folders: paths.folders,
    nameEncoding: 'UTF-8',
    merged: paths.merged,
    faults: paths.faults,
    close: () => undefined,
  };
}
