// A whole artifact in memory or as a file, and proof that it is what was stored. For those who compute with it: a download has its
// digest as ETag.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { ArtifactError } from '../errors.ts';
import type { ArtifactPlace, ArtifactStat, ArtifactStore } from './artifactStore.ts';
import { inStorage } from './storageErrors.ts';

/** @throws ArtifactError `artifactNotFound`; `damagedArtifact` when the bytes are not those whose digest was stored */
export async function readArtifact(artifacts: ArtifactStore, { jobId, name }: ArtifactPlace): Promise<Buffer> {
  const stored = await artifacts.stat(jobId, name);
  const bytes = await buffer(known({ jobId, name }, stored, await artifacts.open(jobId, name)));
  check(jobId, name, stored, createHash('sha256').update(bytes).digest('hex'));
  return bytes;
}

/**
 * Copies an artifact to a new file. After an error the file is incomplete.
 * @param place the name of the file's folder in error messages
 * @throws ArtifactError as {@link readArtifact}, and for errors of the disk; the signal's reason if it is aborted
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

/** Returns `content`, if the digest of the artifact is known. @throws ArtifactError `storageUnavailable` if not */
function known({ jobId, name }: ArtifactPlace, stored: ArtifactStat | null, content: Readable): Readable {
  if (stored !== null) return content;
  content.destroy();
  throw new ArtifactError('storageUnavailable', `${jobId}/${name}`, 'the storage returns the file but not its metadata');
}

function check(jobId: string, name: string, stored: ArtifactStat | null, sha256: string): void {
  if (stored !== null && sha256 !== stored.sha256) {
    throw new ArtifactError('damagedArtifact', `${jobId}/${name}`, 'its bytes are not those that were stored');
  }
}
