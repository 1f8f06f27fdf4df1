// The trained weights of a preset of torchvision under torchvision's names, so that torchvision's own network loads them. Only the header of
// the stored file changes; the bytes of the tensors are read from it.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Job } from '@trainyard/contracts';
import { torchvisionNames } from '@trainyard/engine/spec';
import { type ArtifactStore, changedSafetensors, trainedWeightsFile } from '@trainyard/jobs';
import { ProblemError } from '../problems.ts';
import type { FileContent } from './jobFile.ts';

/**
 * Returns the file; null if the job has no trained weights.
 * @throws ProblemError 422 if the job's model is not a preset of torchvision
 */
export async function torchvisionWeights(artifacts: ArtifactStore, { id, spec }: Job): Promise<FileContent | null> {
  const names = torchvisionNames(spec.model);
  if (names === null) {
    const message = 'the model of this job has no names in torchvision: only a preset of torchvision, such as resnet18, has them';
    throw new ProblemError('invalidRequest', `names: ${message}.`, { issues: [{ path: '/names', message, code: 'invalidValue' }] });
  }
  const place = { jobId: id, name: trainedWeightsFile };
  const stat = await artifacts.stat(place.jobId, place.name);
  const part = await changedSafetensors(artifacts, place, (name) => names.toTorchvision(name), {});
  if (stat === null || part === null) return null;
  const { start, ranges } = part;
  const bytes = ranges.reduce((sum, range) => sum + range.end - range.start, start.length);

  /** Yields the bytes from `first` up to but not including `end`. */
  async function* pieces(first: number, end: number): AsyncGenerator<Uint8Array> {
    if (first < start.length) yield start.subarray(first, end);
    let begin = start.length;
    for (const range of ranges) {
      const from = Math.max(first - begin, 0) + range.start;
      const to = Math.min(end - begin + range.start, range.end);
      if (from < to) yield* (await artifacts.open(id, trainedWeightsFile, { start: from, end: to - 1 })) as AsyncIterable<Uint8Array>;
      begin += range.end - range.start;
    }
  }
  return {
    bytes,
    digest: createHash('sha256').update(`${stat.sha256} torchvision`).digest('hex'),
    open: (range) => Promise.resolve(Readable.from(range === undefined ? pieces(0, bytes) : pieces(range.first, range.last + 1))),
  };
}
