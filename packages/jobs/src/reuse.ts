// Decides whether two jobs do the same computation, so that they get the same weights. Their specs and the digests of their dataset files
// must be equal. The engine version must be equal too: `JobStore.reusable` compares it.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type FileDigests, findDataset, type RemoteFile } from '@trainyard/engine/data';
import { canonicalJson, type JobSpec } from '@trainyard/engine/spec';
import type { NodeDatasetFiles } from '@trainyard/engine/node';
import { digestsOf } from './artifacts/content.ts';

/** The fields of a spec that do not change its result. */
const withoutEffect = new Set(['name', 'labels', 'priority', 'threads']);

/**
 * Returns the reuse key of a job that does not begin with another job's checkpoint. Two jobs with the same key do the same computation. The
 * content of an uploaded dataset is part of the key, and its id is not. For a published dataset, `dataDigest` is part of the key (see
 * `dataDigestOf`). The layers are part of the key, and the name of their preset is not.
 * @param initialWeights the digest of the initial weights; null if they are random
 */
export function reuseKeyOf(spec: JobSpec, initialWeights: string | null, dataDigest: string | null = null): string {
  const { data, model, ...rest } = spec;
  const counted = Object.fromEntries(Object.entries(rest).filter(([field]) => !withoutEffect.has(field)));
  // Beside `shuffle`, `sampling` says the same. Without it, jobs of earlier versions have the same keys.
  const { sampling, ...options } = data;
  const sampled = data.shuffle === undefined ? { ...options, sampling } : options;
  const read = 'content' in data ? { ...sampled, dataset: 'uploaded' } : sampled;
  const text = canonicalJson({
    ...counted,
    model: { layers: model.layers },
    data: read,
    initialWeights,
    ...(dataDigest !== null && { dataDigest }),
  });
  return createHash('sha256').update(text).digest('hex');
}

/** Returns the label that lists the jobs with this key. No label of a user begins with its first character. */
export function reuseLabel(key: string): string {
  return `\u007f${key}`;
}

/** The digest algorithms. A publisher's checksum uses one of them. If a file has no checksum, the digest of the first algorithm is used. */
const algorithms = ['sha256', 'md5'] as const;

interface Known {
  readonly stamp: string;
  /** One digest for each algorithm, as `algorithm:hexadecimal`. */
  readonly digests: Promise<readonly string[]>;
}

/** The digests of dataset files. Each file is read once, and again when it has changed. */
export class DatasetDigests implements FileDigests {
  readonly #files: Pick<NodeDatasetFiles, 'locate'>;
  /** The digests of the files that were read, by path. */
  readonly #known = new Map<string, Known>();

  constructor(files: Pick<NodeDatasetFiles, 'locate'>) {
    this.#files = files;
  }

  /**
   * Returns the digest of a file. If the file does not exist here, returns its published checksum; null if it has none.
   * @throws the error of the file system if the file cannot be read
   */
  async digest(folder: string, file: string | RemoteFile): Promise<string | null> {
    const checksum = typeof file === 'string' ? null : file.checksum;
    const located = await this.#files.locate(folder, file);
    if (located === null) return checksum;
    const digests = await this.#digests(located.path, located.stamp);
    return digests.find((digest) => digest === checksum) ?? digests[0] ?? null;
  }

  async #digests(path: string, stamp: string): Promise<readonly string[]> {
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return await known.digests;
    const digests = read(path);
    this.#known.set(path, { stamp, digests });
    try {
      return await digests;
    } catch (error) {
      this.#known.delete(path);
      throw error;
    }
  }
}

/**
 * Returns one digest of all files of a spec's dataset; null if the spec alone determines the data.
 * @throws the error of the file system if a file cannot be read
 */
export async function dataDigestOf({ data }: JobSpec, files: FileDigests): Promise<string | null> {
  const digests = await findDataset(data.dataset).digests?.(files);
  return digests === undefined ? null : createHash('sha256').update(canonicalJson(digests)).digest('hex');
}

async function read(path: string): Promise<readonly string[]> {
  const file = await open(path, 'r');
  try {
    const digests = await digestsOf(file, algorithms);
    return digests.map((digest, index) => `${algorithms[index]}:${digest.toString('hex')}`);
  } finally {
    await file.close();
  }
}
