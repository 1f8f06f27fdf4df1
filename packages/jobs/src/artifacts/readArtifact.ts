// A whole artifact in memory, and proof that it is what was stored. For those who compute with it: a download has its digest as ETag.
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { ArtifactError } from '../errors.ts';
import type { ArtifactPlace, ArtifactStore } from './artifactStore.ts';

/** @throws ArtifactError `artifactNotFound`; `damagedArtifact` when the bytes are not those whose digest was stored */
export async function readArtifact(artifacts: ArtifactStore, { jobId, name }: ArtifactPlace): Promise<Buffer> {
  const stored = await artifacts.stat(jobId, name);
  const bytes = await buffer(await artifacts.open(jobId, name));
  if (stored !== null && createHash('sha256').update(bytes).digest('hex') !== stored.sha256) {
    throw new ArtifactError('damagedArtifact', `${jobId}/${name}`, 'its bytes are not those that were stored');
  }
  return bytes;
}
