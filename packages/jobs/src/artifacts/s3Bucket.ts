// The client of one S3 bucket. Checks its settings at the start, because the SDK would report a missing setting only at the first request.
// Converts the errors of the server into ArtifactErrors. The SDK reads the endpoint and the credentials from its own environment variables.
import { ListObjectsV2Command, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { ArtifactError, type ArtifactErrorCode, EnvironmentError, type EnvironmentIssue } from '../errors.ts';
import type { ByteRange } from './artifactStore.ts';
import { systemCodeOf, unlessAborted } from './storageErrors.ts';

/** Longest time to connect, and longest time without data on a connection, in ms. */
const timeouts = { connectionTimeout: 3_000, socketTimeout: 15_000 };

/**
 * The maximum number of connections to the server. There are many, because each download keeps one until its client has read everything.
 */
const sockets = { maxSockets: 1_024 };

/** The maximum number of tries per request. Callers that can wait longer repeat the call. */
const maxAttempts = 2;

/** A silent logger. The client would otherwise also print the errors that it throws. */
const silent = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The options that a request of {@link S3Bucket.call} passes to the client. */
export interface S3RequestOptions {
  readonly abortSignal?: AbortSignal;
}

export interface S3CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The requested part of the object, for the error `invalidRange`. */
  readonly range?: ByteRange | undefined;
}

export class S3Bucket {
  readonly name: string;
  readonly #client: S3Client;

  constructor(name: string) {
    this.name = name;
    // Other servers than AWS often support neither the newer checksums nor bucket names in host names.
    this.#client = new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      forcePathStyle: hasOwnEndpoint(),
      logger: silent,
      maxAttempts,
      requestHandler: { ...timeouts, httpAgent: sockets, httpsAgent: sockets },
    });
  }

  /** @throws EnvironmentError if the SDK finds no region or no credentials */
  async expectSettings(): Promise<void> {
    await expectSettings(this.#client);
  }

  /**
   * Sends a request to the server.
   * @param artifact the name of the artifact in error messages
   * @throws ArtifactError if the server refuses the request or does not answer
   * @throws the signal's reason if it is aborted
   */
  async call<T>(
    artifact: string,
    request: (client: S3Client, options: S3RequestOptions) => Promise<T>,
    { signal, range }: S3CallOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await unlessAborted(request(this.#client, signal === undefined ? {} : { abortSignal: signal }), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const status = statusOf(error);
      const kind = nameOf(error);
      if (kind === 'NoSuchKey' || (status === 404 && kind !== 'NoSuchBucket')) {
        throw new ArtifactError('artifactNotFound', artifact, 'there is no such artifact');
      }
      if (range !== undefined && status === 416) throw outside(artifact, range);
      throw awayError(artifact, error);
    }
  }

  /** Returns the keys that begin with `Prefix`, without that prefix. @throws the errors of {@link call} */
  async list(artifact: string, Prefix: string): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.call(
        artifact,
        async (client) => await client.send(new ListObjectsV2Command({ Bucket: this.name, Prefix, ContinuationToken: token })),
      );
      for (const { Key = '' } of page.Contents ?? []) names.push(Key.slice(Prefix.length));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return names;
  }

  /**
   * Checks that the bucket exists, by listing one of its objects. The response to a HEAD request has no error code, so a 404 could mean a
   * missing bucket or a missing object.
   * @throws ArtifactError `storageUnavailable` if the bucket does not exist
   */
  async expectBucket(artifact: string, Prefix: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.call(
        artifact,
        async (client, options) => await client.send(new ListObjectsV2Command({ Bucket: this.name, Prefix, MaxKeys: 1 }), options),
        { signal },
      );
    } catch (error) {
      // Credentials without the right to list the bucket may still have the right to use its objects.
      const isThere = error instanceof ArtifactError && (error.code === 'storageDenied' || error.code === 'artifactNotFound');
      if (!isThere) throw error;
    }
  }

  close(): void {
    this.#client.destroy();
  }
}

/** Checks that the SDK finds a region and credentials. @throws EnvironmentError that names the missing settings */
export async function expectSettings(client: S3Client): Promise<void> {
  const issues: EnvironmentIssue[] = [];
  await client.config.region().catch(() => {
    issues.push({
      variable: 'AWS_REGION',
      message: 'is not set: an s3:// ARTIFACTS_URL needs the region of its bucket, such as us-east-1',
    });
  });
  await client.config.credentials().catch(() => {
    const message = 'is not set, and no other credentials were found: set it and AWS_SECRET_ACCESS_KEY for an s3:// ARTIFACTS_URL';
    issues.push({ variable: 'AWS_ACCESS_KEY_ID', message });
  });
  if (issues.length > 0) throw new EnvironmentError(issues);
}

/** Whether the environment names a server other than AWS's. */
export function hasOwnEndpoint(): boolean {
  return Boolean(process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']);
}

/** Returns the error of a request that the S3 storage refused or did not answer. A retry may help, except for `artifactTooLarge`. */
export function awayError(artifact: string, error: unknown): ArtifactError {
  const status = statusOf(error) ?? foreignStatusOf(error);
  const code = codeOf(nameOf(error), status);
  return new ArtifactError(code, artifact, messageOf(error, status), { cause: error });
}

/** The error code of the server, such as NoSuchBucket, or the name of another error. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

/**
 * Returns the status of a response that the SDK could not parse, such as the HTML page of a proxy; undefined if there was no response. The
 * SDK adds it to the error of its parser.
 */
function foreignStatusOf(error: unknown): number | undefined {
  return unparsed.safeParse(error).data?.$metadata.httpStatusCode;
}

const unparsed = z.object({ $metadata: z.object({ httpStatusCode: z.number() }) });

function codeOf(answer: string, status: number | undefined): ArtifactErrorCode {
  if (isTooLarge(answer, status)) return 'artifactTooLarge';
  return status === 401 || status === 403 ? 'storageDenied' : 'storageUnavailable';
}

/** Whether the storage refused a file because of its size. */
function isTooLarge(answer: string, status: number | undefined): boolean {
  return status === 413 || answer === 'EntityTooLarge';
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** @param status the status of the response; undefined if there was none */
function messageOf(error: unknown, status: number | undefined): string {
  const answer = nameOf(error);
  if (answer === 'NoSuchBucket') return 'the bucket does not exist (NoSuchBucket): create it, or correct ARTIFACTS_URL';
  if (isTooLarge(answer, status)) return `the file is larger than the S3 storage allows (${answer}): raise its limit`;
  if (status === 401 || status === 403) {
    // S3 also responds with 403 for a missing file, if the credentials have no right to list the bucket.
    const rights = 's3:GetObject, s3:PutObject and s3:DeleteObject on its objects, and s3:ListBucket on the bucket';
    return `the S3 storage refuses these credentials (${answer}, status ${status}): they need ${rights}`;
  }
  if (status === undefined) {
    const code = systemCodeOf(error) ?? (answer === 'TimeoutError' ? answer : undefined);
    return code === undefined ? `the request to the S3 storage failed (${answer})` : `the S3 storage does not answer (${code})`;
  }
  if (statusOf(error) === undefined) return `the S3 storage sent a response that is not in S3's format (status ${status})`;
  return `the S3 storage could not handle the request (${answer}, status ${status})`;
}

export function outside(artifact: string, { start, end }: ByteRange): ArtifactError {
  return new ArtifactError('invalidRange', artifact, `bytes ${start} to ${end} are not within the file`);
}
