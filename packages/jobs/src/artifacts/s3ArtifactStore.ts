// Artifacts in an S3 bucket: `<prefix>/<job id>/<name>`, each with its digest in its metadata. An object appears whole or not at all by
// itself; what arrives is checked against an MD5 sum by the server. Endpoint and credentials are the SDK's: its environment variables.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { ArtifactError } from '../errors.ts';
import {
  type ArtifactPlace,
  type ArtifactStat,
  type ArtifactStore,
  artifactName,
  type ByteRange,
  checkHolder,
  checkPlace,
} from './artifactStore.ts';
import { digestsOf } from './fileDigest.ts';
import { removeLeftovers, scratchName } from './scratch.ts';

export interface S3ArtifactOptions {
  readonly bucket: string;
  /** What keys begin with, without slashes at its ends; '' for nothing. */
  readonly prefix: string;
  /** A folder of this machine, for files that are not finished yet. */
  readonly scratchRoot: string;
}

/** Bytes of a file that is read before it is sent. */
const mostInMemory = 16 * 2 ** 20;

/** Objects removed at a time. */
const deletedAtOnce = 20;

/** What goes wrong is thrown; the client would say it once more, on the console. */
const silent = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export class S3ArtifactStore implements ArtifactStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #scratch: string;

  private constructor({ bucket, prefix }: S3ArtifactOptions, scratch: string) {
    // Servers other than AWS's often know neither the newer checksums nor buckets as host names.
    this.#client = new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      forcePathStyle: hasOwnEndpoint(),
      logger: silent,
    });
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#scratch = scratch;
  }

  /** Opens a bucket, and removes what crashed processes left unfinished on this machine. */
  static async open(options: S3ArtifactOptions): Promise<S3ArtifactStore> {
    await mkdir(options.scratchRoot, { recursive: true });
    await removeLeftovers(options.scratchRoot);
    const scratch = join(options.scratchRoot, scratchName());
    await mkdir(scratch);
    return new S3ArtifactStore(options, scratch);
  }

  temporaryFile(): string {
    return join(this.#scratch, randomUUID());
  }

  async putFile(jobId: string, name: string, path: string): Promise<ArtifactStat> {
    const Key = this.#key(jobId, name);
    const { sha256, md5 } = await digestsOfFile(path);
    const { size: bytes } = await stat(path);
    const content = { ContentLength: bytes, ContentMD5: md5, Metadata: { sha256 } };
    await this.#send(`${jobId}/${name}`, async () => {
      // The SDK sends again what is in memory, when that is needed; of a stream it cannot.
      const Body = bytes <= mostInMemory ? await readFile(path) : createReadStream(path);
      try {
        await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key, Body, ...content }));
      } finally {
        // A request that came to nothing leaves it open.
        if (!Buffer.isBuffer(Body)) Body.destroy();
      }
    });
    await rm(path);
    return { bytes, sha256 };
  }

  async putBytes(jobId: string, name: string, bytes: Uint8Array): Promise<ArtifactStat> {
    this.#key(jobId, name);
    const path = this.temporaryFile();
    try {
      await writeFile(path, bytes, { flag: 'wx' });
      return await this.putFile(jobId, name, path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async stat(jobId: string, name: string): Promise<ArtifactStat | null> {
    const Key = this.#key(jobId, name);
    try {
      const head = await this.#send(
        `${jobId}/${name}`,
        async () => await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key })),
      );
      const bytes = head.ContentLength ?? 0;
      const sha256 = head.Metadata?.['sha256'] ?? (await this.#digestAnew(jobId, name));
      return { bytes, sha256 };
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') return null;
      throw error;
    }
  }

  async open(jobId: string, name: string, range?: ByteRange): Promise<Readable> {
    const Key = this.#key(jobId, name);
    const artifact = `${jobId}/${name}`;
    if (range !== undefined && (range.start < 0 || range.start > range.end)) throw outside(artifact, range);
    const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end}`;
    const { Body, ContentRange } = await this.#send(
      artifact,
      async () => await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key, Range })),
      range,
    );
    if (!(Body instanceof Readable)) throw new TypeError('the S3 client answered with no stream');
    if (range === undefined) return Body;
    // A range that only begins within the object is cut to it; some servers answer one of a first byte alone with all there is.
    const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? [];
    if (Number(first) !== range.start || !(range.end < Number(size))) {
      Body.destroy();
      throw outside(artifact, range);
    }
    if (Number(last) > range.end) return Readable.from(firstBytes(Body, range.end - range.start + 1), { objectMode: false });
    return Body;
  }

  async copy(from: ArtifactPlace, to: ArtifactPlace): Promise<void> {
    const CopySource = encodeURI(`${this.#bucket}/${this.#key(from.jobId, from.name)}`);
    const Key = this.#key(to.jobId, to.name);
    await this.#send(
      `${from.jobId}/${from.name}`,
      async () => await this.#client.send(new CopyObjectCommand({ Bucket: this.#bucket, CopySource, Key })),
    );
  }

  async delete(jobId: string, name: string): Promise<void> {
    const Key = this.#key(jobId, name);
    await this.#send(`${jobId}/${name}`, async () => await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key })));
  }

  async names(jobId: string): Promise<string[]> {
    return (await this.#list(jobId)).filter((name) => artifactName.test(name)).toSorted();
  }

  async deleteJob(jobId: string): Promise<void> {
    const names = await this.#list(jobId);
    while (names.length > 0) await Promise.all(names.splice(0, deletedAtOnce).map(async (name) => await this.delete(jobId, name)));
  }

  async close(): Promise<void> {
    this.#client.destroy();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async #list(jobId: string): Promise<string[]> {
    checkHolder(jobId);
    const Prefix = `${this.#prefix}${jobId}/`;
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#send(
        jobId,
        async () => await this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix, ContinuationToken: token })),
      );
      for (const { Key = '' } of page.Contents ?? []) names.push(Key.slice(Prefix.length));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return names;
  }

  /** Of an object that something else put there. */
  async #digestAnew(jobId: string, name: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of await this.open(jobId, name)) hash.update(chunk as Uint8Array);
    return hash.digest('hex');
  }

  #key(jobId: string, name: string): string {
    checkPlace(jobId, name);
    return `${this.#prefix}${jobId}/${name}`;
  }

  /** Calls the server. @throws ArtifactError for whatever it refuses, and when it is not there */
  async #send<T>(artifact: string, call: () => Promise<T>, range?: ByteRange): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      const kind = error instanceof Error ? error.name : 'Error';
      if (kind === 'NoSuchKey' || (status === 404 && kind !== 'NoSuchBucket')) {
        throw new ArtifactError('artifactNotFound', artifact, 'there is no such artifact');
      }
      if (range !== undefined && status === 416) throw outside(artifact, range);
      const answer = status === undefined ? (codeOf(error) ?? kind) : `${kind}, status ${status}`;
      throw new ArtifactError('storageUnavailable', artifact, `the S3 storage did not do what it was asked for (${answer})`, {
        cause: error,
      });
    }
  }
}

/** What the system says of a connection: ECONNREFUSED and the like. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function outside(artifact: string, { start, end }: ByteRange): ArtifactError {
  return new ArtifactError('invalidRange', artifact, `bytes ${start} to ${end} are not within it`);
}

/** Whether the environment names a server other than AWS's. */
function hasOwnEndpoint(): boolean {
  return Boolean(process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']);
}

async function* firstBytes(stream: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of stream) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function digestsOfFile(path: string): Promise<{ sha256: string; md5: string }> {
  const file = await open(path, 'r');
  try {
    const [sha256, md5] = await digestsOf(file, ['sha256', 'md5']);
    return { sha256: sha256.toString('hex'), md5: md5.toString('base64') };
  } finally {
    await file.close();
  }
}
