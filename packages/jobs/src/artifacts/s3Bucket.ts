// One S3 bucket: its client, and the errors of its server. It knows keys, not artifacts. The SDK reads endpoint and credentials from its
// environment variables.
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { ArtifactError } from '../errors.ts';
import { unlessAborted } from './abandon.ts';
import type { ByteRange } from './artifactStore.ts';
import { awayError, outside, statusOf } from './s3Errors.ts';
import { expectSettings, hasOwnEndpoint } from './s3Settings.ts';

/** How long a server may take to accept a connection, and how long a connection may be silent, in ms. */
const timeouts = { connectionTimeout: 3_000, socketTimeout: 15_000 };

/** Connections to the server. A download has one until its client has read everything, so these are many more than anybody waits for. */
const sockets = { maxSockets: 1_024 };

/** Tries of one request. Callers that can wait longer repeat the call. */
const maxAttempts = 2;

/** Errors are thrown; the client would also print them on the console. */
const silent = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface S3CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The part of the object that is asked for. */
  readonly range?: ByteRange | undefined;
}

export class S3Bucket {
  readonly name: string;
  readonly #client: S3Client;

  constructor(name: string) {
    this.name = name;
    // Servers other than AWS's often know neither the newer checksums nor buckets as host names.
    this.#client = new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      forcePathStyle: hasOwnEndpoint(),
      logger: silent,
      maxAttempts,
      requestHandler: { ...timeouts, httpAgent: sockets, httpsAgent: sockets },
    });
  }

  /** @throws EnvironmentError when the SDK finds no region or no credentials */
  async expectSettings(): Promise<void> {
    await expectSettings(this.#client);
  }

  /**
   * Calls the server.
   * @param artifact what errors name
   * @throws ArtifactError for whatever the server refuses, and when it does not answer; the signal's reason
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

  /** The keys that begin with `Prefix`, without it. @throws as {@link call} */
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
   * A HEAD answers 404 for a missing bucket, too.
   * @throws ArtifactError `storageUnavailable` where there is no bucket
   */
  async expectBucket(artifact: string, Prefix: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.call(
        artifact,
        async (client, options) => await client.send(new ListObjectsV2Command({ Bucket: this.name, Prefix, MaxKeys: 1 }), options),
        { signal },
      );
    } catch (error) {
      // A user without the right to list the bucket may still use its objects.
      const isThere = error instanceof ArtifactError && (error.code === 'storageDenied' || error.code === 'artifactNotFound');
      if (!isThere) throw error;
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
