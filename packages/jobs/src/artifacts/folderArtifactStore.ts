// Stores artifacts in a folder, as `<root>/<job id>/<name>`. A file is written to a scratch folder, synced and renamed, and then its folder
// is synced too. Its digest is in a hidden file next to it. If the hidden file belongs to another version of the file, the digest is
// computed again.
import { randomUUID } from 'node:crypto';
import { access, copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { ArtifactError } from '../errors.ts';
import {
  type ArtifactPlace,
  type ArtifactStat,
  type ArtifactStore,
  artifactName,
  type ByteRange,
  checkHolder,
  checkPlace,
} from './artifactStore.ts';
import { contentStream, digestsOf, removeLeftovers, scratchName } from './content.ts';
import { inStorage, storageErrorOf, systemCodeOf, unlessAborted } from './storageErrors.ts';

/** The content of the hidden file: the digest, and the size and time of the file that it belongs to. */
interface Digest extends ArtifactStat {
  readonly modifiedMs: number;
}

/** The name of the folder in error messages. */
const place = 'the artifact folder';

export class FolderArtifactStore implements ArtifactStore {
  readonly #root: string;
  readonly #scratch: string;

  private constructor(root: string, scratch: string) {
    this.#root = root;
    this.#scratch = scratch;
  }

  /** Opens a folder, which is created if it does not exist, and removes the unfinished files of crashed processes. */
  static async open(root: string): Promise<FolderArtifactStore> {
    const scratchRoot = join(root, '.unfinished');
    await mkdir(scratchRoot, { recursive: true });
    await removeLeftovers(scratchRoot);
    const scratch = join(scratchRoot, scratchName());
    await mkdir(scratch);
    return new FolderArtifactStore(root, scratch);
  }

  temporaryFile(): string {
    return join(this.#scratch, randomUUID());
  }

  async putFile(jobId: string, name: string, path: string, signal?: AbortSignal): Promise<ArtifactStat> {
    const target = this.#path(jobId, name);
    return await this.#work(`${jobId}/${name}`, signal, async () => {
      const folder = dirname(target);
      // Syncing takes tens of milliseconds on a busy disk, so the file and the new folder are synced at the same time.
      const [digest] = await Promise.all([digestOf(path, 'r+'), this.#makeFolder(folder)]);
      signal?.throwIfAborted();
      await rename(path, target);
      await syncFolder(folder);
      await this.#writeDigest(target, digest).catch(lessWork);
      return { bytes: digest.bytes, sha256: digest.sha256 };
    });
  }

  async putBytes(jobId: string, name: string, bytes: Uint8Array): Promise<ArtifactStat> {
    this.#path(jobId, name);
    const path = this.temporaryFile();
    try {
      await this.#work(`${jobId}/${name}`, undefined, async () => await writeFile(path, bytes, { flag: 'wx' }));
      return await this.putFile(jobId, name, path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async stat(jobId: string, name: string, signal?: AbortSignal): Promise<ArtifactStat | null> {
    const path = this.#path(jobId, name);
    return await this.#orMissing(`${jobId}/${name}`, signal, null, async () => {
      const { size, mtimeMs } = await stat(path);
      const known = await readDigest(path);
      const digest = known?.bytes === size && known.modifiedMs === mtimeMs ? known : await this.#digestAnew(path);
      return { bytes: digest.bytes, sha256: digest.sha256 };
    });
  }

  async open(jobId: string, name: string, range?: ByteRange, signal?: AbortSignal): Promise<Readable> {
    const path = this.#path(jobId, name);
    const artifact = `${jobId}/${name}`;
    const file = await this.#orMissing(artifact, signal, null, async () => await open(path, 'r'));
    if (file === null) throw new ArtifactError('artifactNotFound', artifact, 'there is no such artifact');
    const { size } = await file.stat();
    if (range !== undefined && (range.start < 0 || range.start > range.end || range.end >= size)) {
      await file.close();
      throw new ArtifactError('invalidRange', artifact, `bytes ${range.start} to ${range.end} are not within its ${size} bytes`);
    }
    return contentStream(file.createReadStream(range), (error) => this.#unreadable(artifact, error), signal);
  }

  async copy(from: ArtifactPlace, to: ArtifactPlace): Promise<void> {
    const source = this.#path(from.jobId, from.name);
    const artifact = `${from.jobId}/${from.name}`;
    const path = this.temporaryFile();
    try {
      // A stored file may be replaced but its bytes are never changed. So the copy can be a hard link to the same bytes.
      const isThere = await this.#orMissing(artifact, undefined, false, async () => {
        await link(source, path).catch(async () => await copyFile(source, path));
        return true;
      });
      if (!isThere) throw new ArtifactError('artifactNotFound', artifact, 'there is no such artifact');
      await this.putFile(to.jobId, to.name, path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async delete(jobId: string, name: string): Promise<void> {
    const path = this.#path(jobId, name);
    await this.#work(`${jobId}/${name}`, undefined, async () => {
      await rm(path, { force: true });
      await rm(digestPath(path), { force: true });
    });
  }

  async names(jobId: string): Promise<string[]> {
    const folder = this.#folder(jobId);
    const entries = await this.#orMissing(jobId, undefined, [], async () => await readdir(folder));
    return entries.filter((name) => artifactName.test(name)).toSorted();
  }

  async deleteJob(jobId: string): Promise<void> {
    const folder = this.#folder(jobId);
    await this.#work(jobId, undefined, async () => {
      await rm(folder, { recursive: true, force: true });
      await syncFolder(this.#root);
    });
  }

  async check(signal?: AbortSignal): Promise<void> {
    const path = this.temporaryFile();
    await this.#work('check', signal, async () => {
      try {
        await writeFile(path, checkContent, { flush: true });
        if (!(await readFile(path)).equals(checkContent)) {
          throw new ArtifactError('storageUnavailable', 'check', `${place} returns other bytes than were written`);
        }
      } finally {
        await rm(path, { force: true });
      }
    });
  }

  async close(): Promise<void> {
    await rm(this.#scratch, { recursive: true, force: true });
  }

  /** Creates the folder of a job, if it does not exist. */
  async #makeFolder(folder: string): Promise<void> {
    if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.#root);
  }

  async #digestAnew(path: string): Promise<Digest> {
    const digest = await digestOf(path, 'r');
    await this.#writeDigest(path, digest).catch(lessWork);
    return digest;
  }

  async #writeDigest(path: string, digest: Digest): Promise<void> {
    const unfinished = this.temporaryFile();
    try {
      await writeFile(unfinished, JSON.stringify(digest));
      await rename(unfinished, digestPath(path));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /**
   * Runs file operations.
   * @throws ArtifactError if the disk fails
   * @throws the signal's reason if it is aborted
   */
  async #work<T>(artifact: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    return await inStorage(artifact, place, async () => {
      try {
        return await unlessAborted(work(), signal);
      } catch (error) {
        if (systemCodeOf(error) === 'ENOENT') await this.#expectFolder(artifact);
        throw error;
      }
    });
  }

  /** Does the same as `#work`, but returns `missing` if the file does not exist. */
  async #orMissing<T, M>(artifact: string, signal: AbortSignal | undefined, missing: M, work: () => Promise<T>): Promise<T | M> {
    try {
      return await this.#work<T | M>(artifact, signal, work);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return missing;
      throw error;
    }
  }

  /** Checks that the folder itself exists. @throws ArtifactError if it was removed or replaced, or if its disk was unmounted */
  async #expectFolder(artifact: string): Promise<void> {
    try {
      await access(this.#scratch);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
      throw new ArtifactError(
        'storageUnavailable',
        artifact,
        `${place} was removed or replaced (ENOENT): mount it again, or restart the service`,
        {
          cause: error,
        },
      );
    }
  }

  #unreadable(artifact: string, error: unknown): Error {
    const reason = `${place} cannot be read`;
    return storageErrorOf(error, artifact, place) ?? new ArtifactError('storageUnavailable', artifact, reason, { cause: error });
  }

  #folder(jobId: string): string {
    checkHolder(jobId);
    return join(this.#root, jobId);
  }

  #path(jobId: string, name: string): string {
    checkPlace(jobId, name);
    return join(this.#folder(jobId), name);
  }
}

/** The content of the file that `check` writes. It fills a block, because a full disk may still have room for a few bytes. */
const checkContent = Buffer.alloc(4_096, 'trainyard');

/** Ignores an error while storing a digest. Without a stored digest, the file is read again. */
const lessWork = (): void => {};

function digestPath(path: string): string {
  return join(dirname(path), `.${path.slice(dirname(path).length + 1)}.digest`);
}

async function readDigest(path: string): Promise<Digest | null> {
  try {
    return JSON.parse(await readFile(digestPath(path), 'utf8')) as Digest;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Returns the size and SHA-256 of a file. @param flags `r+` also flushes the file to the disk */
async function digestOf(path: string, flags: 'r' | 'r+'): Promise<Digest> {
  const file = await open(path, flags);
  try {
    const [[sha256]] = await Promise.all([digestsOf(file, ['sha256']), flags === 'r+' ? file.sync() : undefined]);
    const { size, mtimeMs } = await file.stat();
    return { bytes: size, modifiedMs: mtimeMs, sha256: sha256.toString('hex') };
  } finally {
    await file.close();
  }
}

/** Makes a rename in the folder survive a power cut. Windows neither needs nor allows it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
