// Artifacts in a folder: `<root>/<job id>/<name>`. A file is written beside its place, synced and renamed, and so is the
// entry in its folder; a digest is kept in a hidden file next to it and made anew when it does not belong to the file.
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
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
import { digestsOf } from './fileDigest.ts';
import { removeLeftovers, scratchName } from './scratch.ts';

/** What the hidden file says: the digest of the file that had this size and time. */
interface Digest extends ArtifactStat {
  readonly modifiedMs: number;
}

export class FolderArtifactStore implements ArtifactStore {
  readonly #root: string;
  readonly #scratch: string;

  private constructor(root: string, scratch: string) {
    this.#root = root;
    this.#scratch = scratch;
  }

  /** Opens a folder, making it if need be, and removes what crashed processes left unfinished in it. */
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

  async putFile(jobId: string, name: string, path: string): Promise<ArtifactStat> {
    const target = this.#path(jobId, name);
    return await orDiskFull(`${jobId}/${name}`, async () => {
      const digest = await syncAndDigest(path);
      const folder = dirname(target);
      if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.#root);
      await rename(path, target);
      await syncFolder(folder);
      await this.#writeDigest(target, digest);
      return { bytes: digest.bytes, sha256: digest.sha256 };
    });
  }

  async putBytes(jobId: string, name: string, bytes: Uint8Array): Promise<ArtifactStat> {
    this.#path(jobId, name);
    const path = this.temporaryFile();
    try {
      await orDiskFull(`${jobId}/${name}`, async () => await writeFile(path, bytes, { flag: 'wx' }));
      return await this.putFile(jobId, name, path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async stat(jobId: string, name: string): Promise<ArtifactStat | null> {
    const path = this.#path(jobId, name);
    try {
      const { size, mtimeMs } = await stat(path);
      const known = await readDigest(path);
      const digest = known?.bytes === size && known.modifiedMs === mtimeMs ? known : await this.#digestAnew(path);
      return { bytes: digest.bytes, sha256: digest.sha256 };
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null;
      throw error;
    }
  }

  async open(jobId: string, name: string, range?: ByteRange): Promise<Readable> {
    const path = this.#path(jobId, name);
    const artifact = `${jobId}/${name}`;
    const file = await open(path, 'r').catch((error: unknown) => {
      throw hasCode(error, 'ENOENT') ? new ArtifactError('artifactNotFound', artifact, 'there is no such artifact') : error;
    });
    const { size } = await file.stat();
    if (range !== undefined && (range.start < 0 || range.start > range.end || range.end >= size)) {
      await file.close();
      throw new ArtifactError('invalidRange', artifact, `bytes ${range.start} to ${range.end} are not within its ${size} bytes`);
    }
    return file.createReadStream(range);
  }

  async copy(from: ArtifactPlace, to: ArtifactPlace): Promise<void> {
    const source = this.#path(from.jobId, from.name);
    const artifact = `${from.jobId}/${from.name}`;
    const path = this.temporaryFile();
    try {
      // A stored file is replaced and never changed: both may share its bytes, where the file system can do that.
      await link(source, path).catch(async () => await orDiskFull(artifact, async () => await copyFile(source, path)));
      await this.putFile(to.jobId, to.name, path);
    } catch (error) {
      throw hasCode(error, 'ENOENT') ? new ArtifactError('artifactNotFound', artifact, 'there is no such artifact') : error;
    } finally {
      await rm(path, { force: true });
    }
  }

  async delete(jobId: string, name: string): Promise<void> {
    const path = this.#path(jobId, name);
    await rm(path, { force: true });
    await rm(digestPath(path), { force: true });
  }

  async names(jobId: string): Promise<string[]> {
    try {
      const entries = await readdir(this.#folder(jobId));
      return entries.filter((name) => artifactName.test(name)).toSorted();
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async deleteJob(jobId: string): Promise<void> {
    await rm(this.#folder(jobId), { recursive: true, force: true });
    await syncFolder(this.#root);
  }

  async close(): Promise<void> {
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async #digestAnew(path: string): Promise<Digest> {
    const digest = await syncAndDigest(path);
    await this.#writeDigest(path, digest);
    return digest;
  }

  /** Only saves work: losing it, or a crash before it, costs a second reading of the file. */
  async #writeDigest(path: string, digest: Digest): Promise<void> {
    const unfinished = this.temporaryFile();
    await writeFile(unfinished, JSON.stringify(digest));
    await rename(unfinished, digestPath(path));
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

function digestPath(path: string): string {
  return join(dirname(path), `.${path.slice(dirname(path).length + 1)}.digest`);
}

async function readDigest(path: string): Promise<Digest | null> {
  try {
    return JSON.parse(await readFile(digestPath(path), 'utf8')) as Digest;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Makes sure that the file's bytes are on the disk, and says what they are. */
async function syncAndDigest(path: string): Promise<Digest> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
    const [sha256] = await digestsOf(file, ['sha256']);
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

/** No space, no quota, and the largest file allowed. */
const diskFullCodes = ['ENOSPC', 'EDQUOT', 'EFBIG'];

async function orDiskFull<T>(artifact: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!diskFullCodes.some((code) => hasCode(error, code))) throw error;
    throw new ArtifactError('diskFull', artifact, 'there is no room left for it: free some space in the artifact folder', { cause: error });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
