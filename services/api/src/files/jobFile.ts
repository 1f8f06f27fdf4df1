// The types of the files that can be downloaded of a job. A file is either stored in the artifact store or rendered for each request.
// routes/artifacts.ts sends the files over HTTP.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Job } from '@trainyard/contracts';
import { z } from 'zod';
import type { ByteRange } from '../http/ranges.ts';

/** The query of a download whose tensors can have other names. */
export const namesQuery = z.strictObject({
  names: z
    .enum(['torchvision'])
    .optional()
    .describe(
      "The names of the tensors. `torchvision`: torchvision's names, for a preset of torchvision. Default: the names of the model.",
    ),
});
export type NamesQuery = z.output<typeof namesQuery>;

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
  /** Whether the download takes {@link namesQuery}. Left out for a file that has one form. */
  readonly takesNames?: true;
  /**
   * Returns the content of the file; `null` while the job does not have it.
   * @param caller the name of the caller's API key; keys take turns with long reads
   * @param query the query of the download
   */
  content(job: Job, caller: string, query?: NamesQuery): Promise<FileContent | null>;
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
