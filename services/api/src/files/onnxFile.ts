// Writes the network of a job as an ONNX model while it is sent. The description of the network is created here, and the bytes of the
// weights are read from the stored file. So the whole model is never in memory.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { onnxParts } from '@trainyard/engine/formats';
import type { JobSpec } from '@trainyard/engine/spec';
import type { ArtifactStore } from '@trainyard/jobs';
import type { ByteRange } from '../http/ranges.ts';
import type { FileContent } from './jobFile.ts';
import { storedHeader } from './storedTensors.ts';

/** A piece of the model: bytes in memory, or the position and length, in bytes, of a part of the stored weights. */
type Piece = Uint8Array | { readonly start: number; readonly length: number };

/** Returns the model as a file; `null` while the job has no weights. @param weights the name of the stored file with the weights */
export async function onnxFile(artifacts: ArtifactStore, jobId: string, spec: JobSpec, weights: string): Promise<FileContent | null> {
  const stored = await artifacts.stat(jobId, weights);
  if (stored === null) return null;
  const open = (start: number, length: number) => artifacts.open(jobId, weights, { start, end: start + length - 1 });
  const { tensors, metadata } = await storedHeader(artifacts, { jobId, name: weights, bytes: stored.bytes });
  const starts = new Map(tensors.map(({ name, start }) => [name, start]));
  const { length, parts } = onnxParts(spec, tensors, jobId, metadata);
  const pieces = parts.map(
    (part): Piece => (part instanceof Uint8Array ? part : { start: starts.get(part.tensor) ?? 0, length: part.length }),
  );
  const digest = createHash('sha256').update(stored.sha256);
  for (const piece of pieces) digest.update(piece instanceof Uint8Array ? piece : JSON.stringify(piece));
  return {
    bytes: length,
    digest: digest.digest('hex'),
    open: (range = { first: 0, last: length - 1 }) => Promise.resolve(Readable.from(bytesOf(pieces, range, open), { objectMode: false })),
  };
}

async function* bytesOf(
  pieces: readonly Piece[],
  { first, last }: ByteRange,
  open: (start: number, length: number) => Promise<Readable>,
): AsyncGenerator<Uint8Array, void, void> {
  let offset = 0;
  for (const piece of pieces) {
    const from = Math.max(0, first - offset);
    const to = Math.min(piece.length, last + 1 - offset);
    offset += piece.length;
    if (from >= to) continue;
    if (piece instanceof Uint8Array) yield piece.subarray(from, to);
    else yield* (await open(piece.start + from, to - from)) as AsyncIterable<Uint8Array>;
  }
}
