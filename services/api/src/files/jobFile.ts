// What can be downloaded of a job, whether it lies in the artifact store or is rendered when somebody asks for it. How it goes
// over HTTP is routes/artifacts.ts's.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Job } from '@trainyard/contracts';
import type { ByteRange } from '../http/ranges.ts';

export interface FileContent {
  readonly bytes: number;
  /** Of the content, or of all that decides it, in hex: the ETag. */
  readonly digest: string;
  /** The whole content, or a part of it. */
  open(range?: ByteRange): Promise<Readable> | Uint8Array;
}

/** One kind of file that a job has, under the same name for every job. */
export interface JobFile {
  readonly name: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly contentType: string;
  /** What a download is called after the job's id. */
  readonly extension: string;
  /**
   * Returns the content of the file; `null` while the job does not have it.
   * @param caller the name of the caller's API key; keys take turns with long reads
   */
  content(job: Job, caller: string): Promise<FileContent | null>;
}

/** Content that is small enough to be in memory. */
export function inMemory(content: string | Uint8Array): FileContent {
  const bytes = Buffer.from(content);
  return {
    bytes: bytes.length,
    digest: createHash('sha256').update(bytes).digest('hex'),
    open: (range) => (range === undefined ? bytes : bytes.subarray(range.first, range.last + 1)),
  };
}
