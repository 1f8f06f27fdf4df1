// Opens the artifact store of a URL, and reads whole artifacts. Their bytes are checked against the stored digest.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { ArtifactError } from '../errors.ts';
import type { ArtifactPlace, ArtifactStat, ArtifactStore } from './artifactStore.ts';
import { FolderArtifactStore } from './folderArtifactStore.ts';
import { inStorage } from './storageErrors.ts';

/**
 * Opens the artifact store of a URL.
 * @param url `file:///folder` or `s3://bucket/prefix`
 * @param home a folder of this machine, in which an S3 store keeps its unfinished files
 */
export async function openArtifacts(url: string, home: string): Promise<ArtifactStore> {
  const { protocol, hostname, pathname } = new URL(url);
  if (protocol !== 's3:') return await FolderArtifactStore.open(fileURLToPath(url));
  // Imported only here, because the SDK takes a while to load.
  const { S3ArtifactStore } = await import('./s3ArtifactStore.ts');
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
  return await S3ArtifactStore.open({ bucket: hostname, prefix, scratchRoot: join(home, 'unfinished') });
}

/**
 * Reads an artifact.
 * @throws ArtifactError `artifactNotFound` if the artifact does not exist
 * @throws ArtifactError `damagedArtifact` if the bytes do not match the stored digest
 */
export async function readArtifact(artifacts: ArtifactStore, { jobId, name }: ArtifactPlace): Promise<Buffer> {
  const stored = await artifacts.stat(jobId, name);
  const bytes = await buffer(known({ jobId, name }, stored, await artifacts.open(jobId, name)));
  check(jobId, name, stored, createHash('sha256').update(bytes).digest('hex'));
  return bytes;
}

/**
 * Copies an artifact to a new file. After an error the file is incomplete.
 * @param place the name of the file's folder in error messages
 * @throws ArtifactError under the conditions of {@link readArtifact}, and if the file cannot be written
 * @throws the signal's reason if it is aborted
 */
export async function fetchArtifact(
  artifacts: ArtifactStore,
  { jobId, name }: ArtifactPlace,
  path: string,
  { signal, place = "the service's own folder" }: { readonly signal?: AbortSignal; readonly place?: string } = {},
): Promise<void> {
  const stored = await artifacts.stat(jobId, name, signal);
  const hash = createHash('sha256');
  const hashed = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const content = known({ jobId, name }, stored, await artifacts.open(jobId, name, undefined, signal));
  await inStorage(`${jobId}/${name}`, place, async () => await pipeline(content, hashed, createWriteStream(path)));
  check(jobId, name, stored, hash.digest('hex'));
}

/** Returns `content` if the metadata of the artifact exists. @throws ArtifactError `storageUnavailable` if it is missing */
function known({ jobId, name }: ArtifactPlace, stored: ArtifactStat | null, content: Readable): Readable {
  if (stored !== null) return content;
  content.destroy();
  throw new ArtifactError('storageUnavailable', `${jobId}/${name}`, 'the storage returns the file but not its metadata');
}

function check(jobId: string, name: string, stored: ArtifactStat | null, sha256: string): void {
  if (stored !== null && sha256 !== stored.sha256) {
    throw new ArtifactError('damagedArtifact', `${jobId}/${name}`, 'its bytes do not match the digest that was stored with it');
  }
}
