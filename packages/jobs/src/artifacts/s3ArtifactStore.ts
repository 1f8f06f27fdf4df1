// Stores artifacts in an S3 bucket as `<prefix>/<job id>/<name>`, with the digest in the metadata. S3 itself makes an object appear
// completely or not at all, and checks an upload against its MD5 sum.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
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
import { contentStream, digestsOf, removeLeftovers, scratchName } from './content.ts';
import { awayError, outside, S3Bucket, type S3RequestOptions } from './s3Bucket.ts';
import { inStorage, unlessAborted } from './storageErrors.ts';

export interface S3ArtifactOptions {
  readonly bucket: string;
  /** The prefix of all keys, without slashes at its ends. Empty if there is none. */
  readonly prefix: string;
  /** A folder of this machine, for files that are not finished yet. */
  readonly scratchRoot: string;
}

/** Size limit of a file that is read whole into memory before it is sent, in bytes. */
const mostInMemory = 16 * 2 ** 20;

/** The maximum number of objects that are removed at the same time. */
const deletedAtOnce = 20;

/** The name of the local folder in error messages. */
const scratchPlace = "the service's own folder";

/** The content of the object that `check` writes. */
const checkContent = Buffer.from('trainyard');

export class S3ArtifactStore implements ArtifactStore {
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #scratch: string;
  /** The key of the object that `check` writes. Each process has its own. */
  readonly #checkKey: string;

  private constructor({ bucket, prefix }: S3ArtifactOptions, scratch: string) {
    this.#bucket = new S3Bucket(bucket);
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#scratch = scratch;
    this.#checkKey = `${this.#prefix}check-${randomUUID()}`;
  }

  /**
   * Opens a bucket without sending a request to it, and removes unfinished files of crashed processes from this machine.
   * @throws EnvironmentError if the SDK finds no region or no credentials
   */
  static async open(options: S3ArtifactOptions): Promise<S3ArtifactStore> {
    await mkdir(options.scratchRoot, { recursive: true });
    await removeLeftovers(options.scratchRoot);
    const scratch = join(options.scratchRoot, scratchName());
    await mkdir(scratch);
    const store = new S3ArtifactStore(options, scratch);
    try {
      await store.#bucket.expectSettings();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  temporaryFile(): string {
    return join(this.#scratch, randomUUID());
  }

  async putFile(jobId: string, name: string, path: string, signal?: AbortSignal): Promise<ArtifactStat> {
    const Key = this.#key(jobId, name);
    const artifact = `${jobId}/${name}`;
    const { sha256, md5, bytes } = await inStorage(artifact, scratchPlace, async () => await unlessAborted(digestsOfFile(path), signal));
    const Bucket = this.#bucket.name;
    const content = { ContentLength: bytes, ContentMD5: md5, Metadata: { sha256 } };
    await this.#bucket.call(
      artifact,
      async (client, options) => {
        // The SDK can repeat a request whose body is in memory, but not one whose body is a stream.
        const Body = bytes <= mostInMemory ? await readFile(path) : createReadStream(path);
        try {
          await client.send(new PutObjectCommand({ Bucket, Key, Body, ...content }), options);
        } finally {
          // The SDK does not close the file of a failed request.
          if (!Buffer.isBuffer(Body)) Body.destroy();
        }
      },
      { signal },
    );
    await rm(path, { force: true });
    return { bytes, sha256 };
  }

  async putBytes(jobId: string, name: string, bytes: Uint8Array): Promise<ArtifactStat> {
    this.#key(jobId, name);
    const path = this.temporaryFile();
    try {
      await inStorage(`${jobId}/${name}`, scratchPlace, async () => await writeFile(path, bytes, { flag: 'wx' }));
      return await this.putFile(jobId, name, path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async stat(jobId: string, name: string, signal?: AbortSignal): Promise<ArtifactStat | null> {
    const Key = this.#key(jobId, name);
    const artifact = `${jobId}/${name}`;
    try {
      const head = await this.#bucket.call(
        artifact,
        async (client, options) => await client.send(new HeadObjectCommand({ Bucket: this.#bucket.name, Key }), options),
        { signal },
      );
      const bytes = head.ContentLength ?? 0;
      const sha256 = head.Metadata?.['sha256'] ?? (await this.#digestAnew(jobId, name, signal));
      return { bytes, sha256 };
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') {
        await this.#bucket.expectBucket(artifact, Key, signal);
        return null;
      }
      throw error;
    }
  }

  async open(jobId: string, name: string, range?: ByteRange, signal?: AbortSignal): Promise<Readable> {
    const Key = this.#key(jobId, name);
    const artifact = `${jobId}/${name}`;
    if (range !== undefined && (range.start < 0 || range.start > range.end)) throw outside(artifact, range);
    const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end}`;
    const { Body, ContentRange } = await this.#bucket.call(
      artifact,
      async (client, options) => await client.send(new GetObjectCommand({ Bucket: this.#bucket.name, Key, Range }), options),
      { signal, range },
    );
    if (!(Body instanceof Readable)) throw new TypeError('the S3 client returned no stream');
    const content = contentStream(Body, (error) => awayError(artifact, error), signal);
    if (range === undefined) return content;
    // If a range ends after the object, the server shortens it. If only the first byte is requested, some servers send the whole object.
    const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? [];
    if (Number(first) !== range.start || !(range.end < Number(size))) {
      content.destroy();
      throw outside(artifact, range);
    }
    if (Number(last) > range.end) return Readable.from(firstBytes(content, range.end - range.start + 1), { objectMode: false });
    return content;
  }

  async copy(from: ArtifactPlace, to: ArtifactPlace): Promise<void> {
    const CopySource = encodeURI(`${this.#bucket.name}/${this.#key(from.jobId, from.name)}`);
    const Key = this.#key(to.jobId, to.name);
    await this.#bucket.call(
      `${from.jobId}/${from.name}`,
      async (client) => await client.send(new CopyObjectCommand({ Bucket: this.#bucket.name, CopySource, Key })),
    );
  }

  async delete(jobId: string, name: string): Promise<void> {
    const Key = this.#key(jobId, name);
    await this.#remove(`${jobId}/${name}`, Key);
  }

  async names(jobId: string): Promise<string[]> {
    return (await this.#list(jobId)).filter((name) => artifactName.test(name)).toSorted();
  }

  async deleteJob(jobId: string): Promise<void> {
    const names = await this.#list(jobId);
    while (names.length > 0) await Promise.all(names.splice(0, deletedAtOnce).map(async (name) => await this.delete(jobId, name)));
  }

  async check(signal?: AbortSignal): Promise<void> {
    const path = this.temporaryFile();
    await inStorage('check', scratchPlace, async () => {
      try {
        await writeFile(path, checkContent, { flush: true });
      } finally {
        await rm(path, { force: true });
      }
    });
    const place = { Bucket: this.#bucket.name, Key: this.#checkKey };
    const write = async (client: S3Client, options: S3RequestOptions): Promise<void> => {
      await client.send(new PutObjectCommand({ ...place, Body: checkContent }), options);
    };
    const read = async (client: S3Client, options: S3RequestOptions): Promise<Buffer> => {
      const { Body } = await client.send(new GetObjectCommand(place), options);
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    };
    await this.#bucket.call('check', write, { signal });
    const found = await this.#bucket.call('check', read, { signal }).catch((error: unknown) => {
      const isLost = error instanceof ArtifactError && error.code === 'artifactNotFound';
      throw isLost ? new ArtifactError('storageUnavailable', 'check', 'the bucket has no object that was just written to it') : error;
    });
    if (!found.equals(checkContent)) {
      throw new ArtifactError('storageUnavailable', 'check', 'the bucket returns other bytes than were written');
    }
    await this.#remove('check', this.#checkKey);
  }

  async close(): Promise<void> {
    this.#bucket.close();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async #list(jobId: string): Promise<string[]> {
    checkHolder(jobId);
    return await this.#bucket.list(jobId, `${this.#prefix}${jobId}/`);
  }

  /** Computes the digest of an object whose metadata has none, because another program stored the object. */
  async #digestAnew(jobId: string, name: string, signal: AbortSignal | undefined): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of await this.open(jobId, name, undefined, signal)) hash.update(chunk as Uint8Array);
    return hash.digest('hex');
  }

  #key(jobId: string, name: string): string {
    checkPlace(jobId, name);
    return `${this.#prefix}${jobId}/${name}`;
  }

  async #remove(artifact: string, Key: string): Promise<void> {
    await this.#bucket.call(artifact, async (client) => await client.send(new DeleteObjectCommand({ Bucket: this.#bucket.name, Key })));
  }
}

async function* firstBytes(stream: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of stream) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function digestsOfFile(path: string): Promise<{ sha256: string; md5: string; bytes: number }> {
  const file = await open(path, 'r');
  try {
    const [sha256, md5] = await digestsOf(file, ['sha256', 'md5']);
    const { size } = await file.stat();
    return { sha256: sha256.toString('hex'), md5: md5.toString('base64'), bytes: size };
  } finally {
    await file.close();
  }
}
