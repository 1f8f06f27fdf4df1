// Common checks of the readers of zips and tars: the paths that an archive may contain. Nothing is unpacked to the disk, so that no path in
// an archive can lead anywhere.
import type { ArchiveFault } from '../../data/archive.ts';
import { DataFormatError } from '../../data/errors.ts';
import type { ReaderOptions } from '../../data/limits.ts';
import { errorCode } from '../systemError.ts';

/** Limits of a path. Paths in datasets are short: class/name.png, perhaps inside a few other folders. */
const mostPathCharacters = 1_000;
const mostPathFolders = 20;

/** Checks the paths in an archive, and collects the faults of paths that cannot be used. */
export class ArchivePaths {
  readonly faults: ArchiveFault[] = [];
  readonly folders: string[] = [];
  readonly #merged = new Set<string>();
  /** The first spelling of each folder in the archive. */
  readonly #written = new Map<string, string>();
  readonly #name: string;
  readonly #seen = new Set<string>();

  /** @param name the archive's name in messages */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Returns the path of a file with slashes and in NFC. Returns null for a folder, and for a path that cannot be used. Such a path becomes
   * a fault.
   */
  file(written: string, isFolder: boolean): string | null {
    // Programs on Windows may write backslashes.
    const unified = written.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
    const path = unified.normalize('NFC');
    if (path === '' || path === '.') return null;
    if (/^([a-z]:|\/)/i.test(path) || path.split('/').includes('..')) {
      this.fault(path, `${this.#name}: the path ${JSON.stringify(written)} leads out of the archive: pack it again with relative paths`);
      return null;
    }
    if (path.length > mostPathCharacters || path.split('/').length - 1 > mostPathFolders) {
      const shown = `${path.slice(0, 100)}…`;
      this.fault(
        shown,
        `${this.#name}: the path ${JSON.stringify(shown)} has more than ${mostPathCharacters} characters or ${mostPathFolders} folders: pack it again with fewer folders`,
      );
      return null;
    }
    if (isFolder || path.endsWith('/')) {
      this.folders.push(path.replace(/\/+$/, ''));
      return null;
    }
    if (this.#seen.has(path)) {
      this.fault(path, `${this.#name}: holds ${JSON.stringify(path)} twice`);
      return null;
    }
    this.#seen.add(path);
    this.#noteFolder(path.split('/').slice(0, -1).join('/'), unified.split('/').slice(0, -1).join('/'));
    return path;
  }

  /** The folders that the archive contains under two Unicode forms of the same name. */
  get merged(): readonly string[] {
    return [...this.#merged];
  }

  #noteFolder(folder: string, written: string): void {
    const first = this.#written.get(folder) ?? written;
    this.#written.set(folder, first);
    if (first !== written) this.#merged.add(folder);
  }

  fault(entry: string, message: string): void {
    this.faults.push({ entry, message });
  }
}

/** Runs an operation on a file or an archive. An error of the operation is reported as an error of this file. */
export async function reading<T>(name: string, { signal }: ReaderOptions, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DataFormatError) throw error;
    // Errors of the zip reader have no code, and their messages are only about the zip. Messages of the system may contain a path, so only
    // their code is used.
    const reason = error instanceof Error && !('code' in error) ? error.message : errorCode(error);
    throw new DataFormatError(`${name} cannot be read: ${reason}`, { cause: error });
  }
}
