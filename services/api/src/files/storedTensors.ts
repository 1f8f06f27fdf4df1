// The tensors of a stored safetensors file, of which only those that are needed are read.
import { buffer } from 'node:stream/consumers';
import { type ListedTensor, listSafetensors, SAFETENSORS_LENGTH_BYTES, safetensorsHeaderBytes } from '@trainyard/engine';
import type { ArtifactStore } from '@trainyard/jobs';

/** A file that a job has. */
export interface StoredFile {
  readonly jobId: string;
  readonly name: string;
  readonly bytes: number;
}

/** The tensors in the order of their bytes. */
export async function storedTensors(artifacts: ArtifactStore, { jobId, name, bytes }: StoredFile): Promise<readonly ListedTensor[]> {
  const read = async (start: number, end: number) => await buffer(await artifacts.open(jobId, name, { start, end: end - 1 }));
  const headerEnd = SAFETENSORS_LENGTH_BYTES + safetensorsHeaderBytes(await read(0, SAFETENSORS_LENGTH_BYTES));
  return listSafetensors(await read(SAFETENSORS_LENGTH_BYTES, headerEnd), bytes);
}

/** The bytes of tensors, which are in the order of their bytes, piece by piece. Neighbours are read at once. */
export async function* tensorBytes(
  artifacts: ArtifactStore,
  { jobId, name }: StoredFile,
  tensors: readonly ListedTensor[],
): AsyncGenerator<Uint8Array, void, void> {
  const ranges: { start: number; end: number }[] = [];
  for (const { start, end } of tensors) {
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else if (end > start) ranges.push({ start, end });
  }
  for (const { start, end } of ranges) {
    yield* (await artifacts.open(jobId, name, { start, end: end - 1 })) as AsyncIterable<Uint8Array>;
  }
}
