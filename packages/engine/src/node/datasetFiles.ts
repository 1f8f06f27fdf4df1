// Finds dataset files in the operator's folders or in the program's home, and otherwise downloads them into the home. Messages contain the
// names of environment variables and relative names, but never a path of this machine.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { sharableBytes } from '../data/dataset.ts';
import { DataFormatError, DatasetUnavailableError } from '../data/errors.ts';
import type { DatasetFiles, ReadOptions, RemoteFile } from '../data/files.ts';
import { download, type Patience, patience } from './download.ts';
import { errorCode, isAbsent } from './systemError.ts';
import type { UnpackedFiles } from './unpackedFiles.ts';

/** Plain data, so that it can be sent to another process. */
export interface NodeDatasetFilesOptions {
  /** Folders that already hold `mnist/…` (TRAINYARD_DATASETS); the checksums of files in them are not checked. */
  readonly folders: readonly string[];
  /** The program's own folder (TRAINYARD_HOME): downloads go to `datasets/` in it. */
  readonly home: string;
  /** Base URL of a mirror that serves `mnist/…` (TRAINYARD_DATASETS_URL), instead of the public sources. */
  readonly mirror?: string | undefined;
}

/** A folder of datasets, and its name in messages. */
interface Place {
  readonly root: string;
  readonly label: string;
  readonly remedy: string;
}

const unpack = promisify(gunzip);

export class NodeDatasetFiles implements DatasetFiles {
  readonly #places: readonly Place[];
  readonly #home: string;
  readonly #mirror: string | undefined;
  readonly #patience: Patience;
  readonly #unpacked: UnpackedFiles | null;

  /** @param unpacked keeps unpacked files for the next read. Default: unpacked files are not kept. */
  constructor({ folders, home, mirror }: NodeDatasetFilesOptions, timing: Partial<Patience> = {}, unpacked: UnpackedFiles | null = null) {
    this.#unpacked = unpacked;
    this.#home = join(home, 'datasets');
    this.#places = [
      ...folders.map((root) => ({ root, label: 'in TRAINYARD_DATASETS', remedy: 'replace it, or take it away to have it downloaded' })),
      { root: this.#home, label: 'in datasets/ of TRAINYARD_HOME', remedy: 'delete it to have it downloaded again' },
    ];
    this.#mirror = mirror;
    this.#patience = { ...patience, ...timing };
  }

  async read(folder: string, file: RemoteFile, options: ReadOptions = {}): Promise<Uint8Array> {
    const found = await this.#find(folder, namesOf(file), options.signal);
    if (found !== null) return found;
    const path = join(this.#home, folder, file.name);
    await download({ name: `${folder}/${file.name}`, file, url: this.#urlOf(folder, file), path, patience: this.#patience, ...options });
    const downloaded = await this.#find(folder, namesOf(file), options.signal);
    if (downloaded !== null) return downloaded;
    throw new DatasetUnavailableError(
      `${folder}/${file.name} was downloaded into datasets/ of TRAINYARD_HOME and is gone again: try once more`,
    );
  }

  find(folder: string, name: string, { signal }: ReadOptions = {}): Promise<Uint8Array | null> {
    return this.#find(folder, namesOf(name), signal);
  }

  /**
   * Returns the path of the stored file that `find` or `read` would read, and a stamp that changes whenever the file changes. Returns null
   * if the file is not on this machine.
   * @throws the error of the file system if the file cannot be examined
   */
  async locate(folder: string, file: string | RemoteFile): Promise<{ readonly path: string; readonly stamp: string } | null> {
    for (const { root } of this.#places) {
      for (const name of namesOf(file)) {
        const path = join(root, folder, name);
        try {
          return { path, stamp: await stampOf(path) };
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
      }
    }
    return null;
  }

  async #find(folder: string, names: readonly string[], signal: AbortSignal | undefined): Promise<Uint8Array | null> {
    for (const place of this.#places) {
      for (const name of names) {
        const bytes = await readIfThere(place, `${folder}/${name}`, signal, this.#unpacked);
        if (bytes !== null) return bytes;
      }
    }
    return null;
  }

  #urlOf(folder: string, file: RemoteFile): URL {
    if (this.#mirror === undefined) return new URL(file.url);
    return new URL(`${folder}/${file.name}`, this.#mirror.endsWith('/') ? this.#mirror : `${this.#mirror}/`);
  }
}

/**
 * Returns the possible names of a file on the disk. For a published file: its published name, and this name without `.gz`. For any other
 * file: its name, and this name with `.gz`.
 */
function namesOf(file: string | RemoteFile): string[] {
  return typeof file === 'string' ? [file, `${file}.gz`] : [...new Set([file.name, file.name.replace(/\.gz$/, '')])];
}

/** Returns a text that changes if the file is replaced or written to. */
async function stampOf(path: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

/** Returns the content of a file, or null if the file does not exist. A gzipped file is unpacked, whatever its name. */
async function readIfThere(
  { root, label, remedy }: Place,
  name: string,
  signal: AbortSignal | undefined,
  unpacked: UnpackedFiles | null,
): Promise<Uint8Array | null> {
  signal?.throwIfAborted();
  const path = join(root, name);
  let stamp: string;
  let bytes: Uint8Array;
  try {
    // The stamp is made before the file is read. If the file is replaced in between, its content is kept under the old stamp, and the file
    // is read again next time.
    stamp = await stampOf(path);
    const kept = unpacked?.get(path, stamp);
    if (kept) return kept;
    bytes = await readFile(path, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (isAbsent(error)) return null;
    throw new DatasetUnavailableError(`${name} ${label} cannot be read (${errorCode(error)}): check its permissions`, { cause: error });
  }
  // Files that are not gzipped are not kept, because reading them again takes little time.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return shared(bytes);
  try {
    const content = shared(await unpack(bytes));
    unpacked?.keep(path, stamp, content);
    return content;
  } catch (error) {
    throw new DataFormatError(`${name} ${label} is damaged and cannot be unpacked (${errorCode(error)}): ${remedy}`, { cause: error });
  }
}

/** Returns a copy in shared memory, so that a loader can give it to its thread without a further copy. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = sharableBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
