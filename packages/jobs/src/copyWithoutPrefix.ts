// Copies a safetensors artifact and removes a prefix from its tensor names. Only the header of the file changes.
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { metadataOfRenamed, renamedSafetensorsStart, SAFETENSORS_LENGTH_BYTES, safetensorsHeaderBytes } from '@trainyard/engine';
import type { ArtifactPlace, ArtifactStore } from './artifacts/artifactStore.ts';
import { ArtifactError } from './errors.ts';

/**
 * @param prefix the prefix to remove; every tensor name in the file begins with it. '' copies the file as it is
 * @throws ArtifactError `artifactNotFound`
 */
export async function copyWithoutPrefix(artifacts: ArtifactStore, from: ArtifactPlace, to: ArtifactPlace, prefix: string): Promise<void> {
  if (prefix === '') return await artifacts.copy(from, to);
  const stat = await artifacts.stat(from.jobId, from.name);
  if (stat === null) throw new ArtifactError('artifactNotFound', `${from.jobId}/${from.name}`, 'there is no such file');
  const open = async (start: number, end: number): Promise<Readable> => await artifacts.open(from.jobId, from.name, { start, end });
  const headerBytes = safetensorsHeaderBytes(await buffer(await open(0, SAFETENSORS_LENGTH_BYTES - 1)));
  const data = SAFETENSORS_LENGTH_BYTES + headerBytes;
  const header = await buffer(await open(SAFETENSORS_LENGTH_BYTES, data - 1));
  const start = renamedSafetensorsStart(header, (name) => name.slice(prefix.length), metadataOfRenamed(prefix));
  const path = artifacts.temporaryFile();
  try {
    const whole = Readable.from(
      (async function* () {
        yield start;
        yield* await open(data, stat.bytes - 1);
      })(),
    );
    await pipeline(whole, createWriteStream(path, { flags: 'wx' }));
    await artifacts.putFile(to.jobId, to.name, path);
  } finally {
    await rm(path, { force: true });
  }
}
