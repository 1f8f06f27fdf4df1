// A tar in memory as an archive.
import { DataFormatError } from '../../data/errors.ts';
import type { NamedBytes } from '../../data/files.ts';
import { limitsOf, type ReaderOptions } from '../../data/limits.ts';
import { tarEntries } from '../../data/tar.ts';
import { type Archive, type ArchiveFile, ArchivePaths } from './archive.ts';

/** @throws DataFormatError when it is no whole tar or holds more files than it may */
export function openTar({ name, bytes }: NamedBytes, options: ReaderOptions): Archive {
  const limits = limitsOf(options);
  const paths = new ArchivePaths(name);
  const files: ArchiveFile[] = [];
  for (const { path: written, kind, content } of tarEntries(bytes, name)) {
    if (kind === 'other') continue;
    const path = paths.file(written, kind === 'folder');
    if (path === null) continue;
    if (files.length >= 2 * limits.files) throw new DataFormatError(`${name}: its files are over the limit of ${limits.files}`);
    files.push({ path, bytes: content.length, read: () => Promise.resolve(content) });
  }
  return {
    kind: 'tar',
    files,
    folders: paths.folders,
    nameEncoding: 'UTF-8',
    merged: paths.merged,
    faults: paths.faults,
    close: () => undefined,
  };
}
