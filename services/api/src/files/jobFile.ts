// The types of the files that can be downloaded of a job. A file is either stored in the artifact store or rendered for each request.
// routes/artifacts.ts sends the files over HTTP.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Job } from '@trainyard/contracts';
import type { ByteRange } from '../http/ranges.ts';

export interface FileContent {
  readonly bytes: number;
  /** A SHA-256 in hex, for the ETag. It hashes the content or, for a rendered file, all inputs that determine the content. */
  readonly digest: string;
  /** Opens the content. @param range the part to open. Default: the whole content */
  open(range?: ByteRange): Promise<Readable> | Uint8Array;
}

/** A kind of file that jobs have. Its name is the same for every job. */
export interface JobFile {
  readonly name: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly contentType: string;
  /** The end of the name of a download, after the id of the job. */
  readonly extension: string;
  /**
   * Returns the content of the file; `null` while the job does not have it.
   * @param caller the name of the caller's API key; keys take turns with long reads
   */
  content(job: Job, caller: string): Promise<FileContent | null>;
}

/** Returns the content of a file that is small enough to be in memory. */
export function inMemory(content: string | Uint8Array): FileContent {
  const bytes = Buffer.from(content);
  return {
    bytes: bytes.length,
    digest: createHash('sha256').update(bytes).digest('hex'),
    open: (range) => (range === undefined ? bytes : bytes.subarray(range.first, range.last + 1)),
  };
}
