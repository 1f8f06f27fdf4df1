// Reads selected tensors of a stored safetensors file without reading the rest of the file.
import { buffer } from 'node:stream/consumers';
import {
  type ListedTensor,
  listSafetensors,
  SAFETENSORS_LENGTH_BYTES,
  safetensorsHeaderBytes,
  safetensorsMetadata,
} from '@trainyard/engine/formats';
import type { ArtifactStore } from '@trainyard/jobs';

/** A stored file of a job. */
export interface StoredFile {
  readonly jobId: string;
  readonly name: string;
  readonly bytes: number;
}

/** The header of a stored file. */
export interface StoredHeader {
  /** The tensors in the order of their bytes. */
  readonly tensors: readonly ListedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads the header of a file, and nothing else. */
export async function storedHeader(artifacts: ArtifactStore, { jobId, name, bytes }: StoredFile): Promise<StoredHeader> {
  const read = async (start: number, end: number) => await buffer(await artifacts.open(jobId, name, { start, end: end - 1 }));
  const headerEnd = SAFETENSORS_LENGTH_BYTES + safetensorsHeaderBytes(await read(0, SAFETENSORS_LENGTH_BYTES));
  const header = await read(SAFETENSORS_LENGTH_BYTES, headerEnd);
  return { tensors: listSafetensors(header, bytes), metadata: safetensorsMetadata(header) };
}

/** Lists the tensors in the order of their bytes. Only the header of the file is read. */
export async function storedTensors(artifacts: ArtifactStore, file: StoredFile): Promise<readonly ListedTensor[]> {
  return (await storedHeader(artifacts, file)).tensors;
}

/** Yields the bytes of the given tensors in pieces. `tensors` must be in the order of their bytes. Adjacent tensors are read together. */
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
