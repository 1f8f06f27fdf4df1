// Receives a multipart form within limits. Texts stay in memory, and files are written to the disk while they arrive. The callers interpret
// the parts.
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyMultipartOptions } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { orDiskError, ProblemError } from '../problems.ts';
import type { AdmittedUpload } from './uploadAdmission.ts';

export interface FormFile {
  /** The name of the form part that contains the file. */
  readonly part: string;
  /** The path of the file on this machine. */
  readonly path: string;
  /** The name that the client gave the file. Empty if it gave none. */
  readonly filename: string;
}

export interface Form {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly FormFile[];
  /** Call this in `use` to keep the files after `use` has returned. The result is a function that removes the files. */
  keep(): () => Promise<void>;
}

export interface FormOptions {
  /** The most bytes of all files together. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Returns the path of a new file. */
  readonly temporaryFile: () => string;
  /** Admits an upload, until its files are removed. @param announcedBytes the length of its body, or 0 if the client does not give it */
  readonly admit: (announcedBytes: number) => AdmittedUpload;
}

const fieldBytes = 16 * 1024;
const maxFields = 32;

/** For responses that are sent before the whole body has arrived: Node must not read the rest of the body as the next request. */
const closing = { headers: { connection: 'close' } };

/**
 * Receives a form and calls `use` with it. Removes the files afterwards, also after an error, unless `use` keeps them.
 * @throws ProblemError 400 or 422 if the form is invalid
 * @throws ProblemError 413 if the form is too large
 * @throws ProblemError 429 or 503 if there is no room for the upload now
 * @throws the error of `use`, if it fails
 */
export async function withForm<T>(request: FastifyRequest, options: FormOptions, use: (form: Form) => Promise<T>): Promise<T> {
  const { maxBytes, admit } = options;
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  // Fields and headers of the form may add a little to its files.
  if (announcedBytes > maxBytes + fieldBytes * maxFields) throw tooLarge(maxBytes);
  const admitted = admit(announcedBytes);
  const files: FormFile[] = [];
  const remove = async (): Promise<void> => {
    // A file that cannot be removed now is removed when the process ends. This failure must not hide the error of the upload.
    await Promise.all(files.map(({ path }) => rm(path, { force: true }).catch(() => {})));
    admitted.end();
  };
  let isKept = false;
  const keep = () => {
    isKept = true;
    return remove;
  };
  try {
    return await use({ fields: await receive(request, options, files, admitted), files, keep });
  } finally {
    if (!isKept) await remove();
  }
}

async function receive(
  request: FastifyRequest,
  { maxBytes, maxFiles, temporaryFile }: FormOptions,
  files: FormFile[],
  admitted: AdmittedUpload,
): Promise<Record<string, string>> {
  const budget = new Budget(maxBytes, admitted);
  const fields: Record<string, string> = {};
  try {
    const limits = { fileSize: Infinity, files: maxFiles, fields: maxFields, fieldSize: fieldBytes, parts: maxFiles + maxFields };
    const bounds: FastifyMultipartOptions = { limits, throwFileSizeLimit: false };
    for await (const part of request.parts(bounds)) {
      if (part.type === 'file') {
        const path = temporaryFile();
        files.push({ part: part.fieldname, path, filename: part.filename ?? '' });
        await pipeline(part.file, budget.counter(), createWriteStream(path, { flags: 'wx' }));
      } else {
        fields[part.fieldname] = textOf(part.fieldname, part.value, part.valueTruncated, fields);
      }
    }
    return fields;
  } catch (error) {
    throw budget.problem ?? problemOf(orDiskError(error), maxFiles);
  }
}

function textOf(name: string, value: unknown, isTruncated: boolean, fields: Readonly<Record<string, string>>): string {
  const issue = (message: string, code: string) =>
    new ProblemError('invalidRequest', `${name}: ${message}.`, { issues: [{ path: `/${name}`, message, code }], ...closing });
  if (typeof value !== 'string') throw issue('must be a text', 'invalidType');
  if (isTruncated) throw issue(`has more than ${fieldBytes} bytes`, 'tooBig');
  if (Object.hasOwn(fields, name)) throw issue('is given twice', 'invalidValue');
  return value;
}

function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError('bodyTooLarge', `An upload may have at most ${maxBytes} bytes.`, closing);
}

/** Returns the problem for an error of the form parser. */
function problemOf(error: unknown, maxFiles: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_FILES_LIMIT' || code === 'FST_PARTS_LIMIT' || code === 'FST_FIELDS_LIMIT') {
    return new ProblemError(
      'invalidRequest',
      `The form has too many parts: at most ${maxFiles} ${maxFiles === 1 ? 'file' : 'files'} and ${maxFields} texts.`,
      closing,
    );
  }
  if (error instanceof ProblemError) return error;
  if (error instanceof Error && typeof code === 'string' && !code.startsWith('FST_')) return error;
  const reason = error instanceof Error ? error.message : 'it is cut off';
  return new ProblemError('malformedForm', `The body is not a whole multipart form: ${reason}.`, closing);
}

/** Counts the bytes of a form and stops the upload at a limit. */
class Budget {
  /** The error that stopped the upload. */
  problem: Error | undefined;
  readonly #maxBytes: number;
  readonly #admitted: AdmittedUpload;
  #bytes = 0;

  constructor(maxBytes: number, admitted: AdmittedUpload) {
    this.#maxBytes = maxBytes;
    this.#admitted = admitted;
  }

  /** Returns a stream that passes a file on and counts its bytes. */
  counter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        try {
          this.#bytes += chunk.length;
          if (this.#bytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
          this.#admitted.count(chunk.length);
        } catch (error) {
          this.problem = error as Error;
          return done(this.problem);
        }
        done(null, chunk);
      },
    });
  }
}
