// The client of one S3 bucket. Converts the errors of the server. The SDK reads the endpoint and the credentials from its own environment
// variables.
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { ArtifactError } from '../errors.ts';
import { unlessAborted } from './abandon.ts';
import type { ByteRange } from './artifactStore.ts';
import { awayError, outside, statusOf } from './s3Errors.ts';
import { expectSettings, hasOwnEndpoint } from './s3Settings.ts';

/** Longest time to connect, and longest time without data on a connection, in ms. */
const timeouts = { connectionTimeout: 3_000, socketTimeout: 15_000 };

/** Most connections to the server. There are many, because each download keeps one until its client has read everything. */
const sockets = { maxSockets: 1_024 };

/** Tries per request. Callers that can wait longer repeat the call. */
const maxAttempts = 2;

/** A silent logger. The client would otherwise also print the errors that it throws. */
const silent = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

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
   * @param artifact the name in error messages
   * @throws ArtifactError if the server refuses the request or does not answer; the signal's reason if it is aborted
   */
  async call<T>(
    artifact: string,
    request: (client: S3Client, options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
    { signal, range }: S3CallOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await unlessAborted(request(this.#client, signal === undefined ? {} : { abortSignal: signal }), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const status = statusOf(error);
      const kind = error instanceof Error ? error.name : 'Error';
      if (kind === 'NoSuchKey' || (status === 404 && kind !== 'NoSuchBucket')) {
        throw new ArtifactError('artifactNotFound', artifact, 'there is no such artifact');
      }
      if (range !== undefined && status === 416) throw outside(artifact, range);
      throw awayError(artifact, error);
    }
  }

  /** Returns the keys that begin with `Prefix`, without that prefix. @throws as {@link call} */
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
   * Checks that the bucket exists. A HEAD request cannot tell, because its status is 404 for a missing bucket and for a missing object.
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
