// Uploaded weights: a safetensors file among the artifacts, under an id of its own, and a record of its content. A job that begins with
// them gets a copy of the file. So the job is unaffected if the weights are deleted later.
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Weights } from '@trainyard/contracts';
import { SAFETENSORS_LENGTH_BYTES, type SafetensorsPart, safetensorsHeaderBytes, safetensorsPart } from '@trainyard/engine/formats';
import type { WeightsFile } from '@trainyard/engine/node';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import type { ArtifactPlace, ArtifactStore } from './artifacts/artifactStore.ts';
import { ArtifactError, ReservationExpiredError, WeightsInUseError, WeightsNotFoundError } from './errors.ts';
import { overQuotaError, type Quotas, quotaText } from './quotas.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import type { ReservedFiles } from './reservedFiles.ts';
import { createWeights, deleteWeights, useWeights } from './scripts/uploads.ts';

/** The name of the artifact with the weights. */
const fileName = 'weights.safetensors';

export class WeightsStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #artifacts: ArtifactStore;
  readonly #reservedFiles: ReservedFiles;

  constructor(options: {
    readonly redis: Redis;
    readonly prefix: string;
    readonly artifacts: ArtifactStore;
    readonly reservedFiles: ReservedFiles;
  }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#artifacts = options.artifacts;
    this.#reservedFiles = options.reservedFiles;
  }

  /**
   * Stores uploaded weights.
   * @param file a finished, checked file at a path of `ArtifactStore.temporaryFile`. It is moved into the artifact store
   * @param quotas the quotas of the owner; default: none
   * @throws QuotaExceededError if the owner would be over a quota
   * @throws ReservationExpiredError if storing the file took too long
   */
  async add({ path, tensors, taken }: WeightsFile, owner: string, quotas?: Quotas): Promise<Weights> {
    const id = `wt_${ulid()}`;
    await this.#reservedFiles.reserve(id);
    const { bytes, sha256 } = await this.#artifacts.putFile(id, fileName, path);
    const weights: Weights = {
      id,
      createdAt: new Date().toISOString(),
      bytes,
      sha256,
      values: tensors.reduce((sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1), 0),
      tensors: tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      taken,
    };
    const reply = await createWeights(this.#redis, {
      weights: this.#keys.weights(id),
      reservedFiles: this.#keys.reservedFiles,
      tag: this.#keys.tag,
      weightsId: id,
      owner,
      quotas: quotaText(quotas),
      bytes,
      record: ['owner', owner, 'weights', JSON.stringify(weights)],
    });
    if (reply[0] === 'overQuota') {
      await this.#reservedFiles.remove(id).catch(() => undefined);
      throw overQuotaError(reply);
    }
    if (reply[0] === 'expired') throw new ReservationExpiredError(id);
    return weights;
  }

  /** Returns the weights; null if they do not exist, or if `owner` is given and is not their owner. */
  async get(id: string, owner?: string): Promise<Weights | null> {
    const record = this.#keys.weights(id);
    // The owner is checked first, so that a request never reads the record of another key, which may be large.
    if (owner !== undefined && (await this.#redis.hget(record, 'owner')) !== owner) return null;
    const weights = await this.#redis.hget(record, 'weights');
    return weights === null ? null : (JSON.parse(weights) as Weights);
  }

  /**
   * Copies the file of the weights for a job that is being created, and adds the job to the users of the weights.
   * @param change the names of the tensors in the copy
   * @throws WeightsNotFoundError if the weights do not exist
   * @throws ArtifactError `artifactNotFound` if the weights are deleted during the copy
   */
  async copy(id: string, to: ArtifactPlace, change: WeightsChange | null): Promise<void> {
    const keys = this.#keys;
    const [outcome] = await useWeights(this.#redis, {
      weights: keys.weights(id),
      users: keys.usersOf(id),
      reservedFiles: keys.reservedFiles,
      tag: keys.tag,
      jobId: to.jobId,
      nowMs: Date.now(),
    });
    if (outcome === 'missing') throw new WeightsNotFoundError(id);
    await copyWeights(this.#artifacts, { jobId: id, name: fileName }, to, change);
  }

  /**
   * Deletes weights and their file.
   * @throws WeightsNotFoundError if the weights do not exist
   * @throws WeightsInUseError if a job that has not ended was created with the weights
   */
  async delete(id: string): Promise<void> {
    const keys = this.#keys;
    const [outcome, jobId] = await deleteWeights(this.#redis, {
      weights: keys.weights(id),
      users: keys.usersOf(id),
      formerUsers: keys.formerWeightsUsers(id),
      reservedFiles: keys.reservedFiles,
      tag: keys.tag,
      weightsId: id,
      nowMs: Date.now(),
    });
    if (outcome === 'missing') throw new WeightsNotFoundError(id);
    if (outcome === 'inUse') throw new WeightsInUseError(id, jobId);
    // The weights are already deleted. If their file cannot be removed now, `ReservedFiles.sweep` removes it later.
    await this.#reservedFiles.remove(id).catch(() => undefined);
  }
}

/** How a copy of a safetensors file differs from the file. */
export interface WeightsChange {
  /** The name in the copy of each tensor that is copied, by its name in the file. Other tensors are left out. */
  readonly names: ReadonlyMap<string, string>;
  /** Metadata that is added to the copy. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Copies a safetensors artifact, or some of its tensors under new names.
 * @param change null copies the file as it is
 * @throws ArtifactError `artifactNotFound` if the file does not exist
 */
export async function copyWeights(
  artifacts: ArtifactStore,
  from: ArtifactPlace,
  to: ArtifactPlace,
  change: WeightsChange | null,
): Promise<void> {
  if (change === null) return await artifacts.copy(from, to);
  const { names, metadata } = change;
  const part = await changedSafetensors(artifacts, from, (name) => names.get(name) ?? null, metadata);
  if (part === null) throw new ArtifactError('artifactNotFound', `${from.jobId}/${from.name}`, 'there is no such file');
  const path = artifacts.temporaryFile();
  try {
    await pipeline(Readable.from(bytesOf(artifacts, from, part)), createWriteStream(path, { flags: 'wx' }));
    await artifacts.putFile(to.jobId, to.name, path);
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Reads the header of a safetensors artifact, and returns the parts of a file with some of its tensors under new names; null if the
 * artifact does not exist.
 * @param nameOf returns the new name of a tensor, or null for a tensor that is left out
 * @param metadata is added to the file's metadata
 */
export async function changedSafetensors(
  artifacts: ArtifactStore,
  from: ArtifactPlace,
  nameOf: (name: string) => string | null,
  metadata: Readonly<Record<string, string>>,
): Promise<SafetensorsPart | null> {
  const stat = await artifacts.stat(from.jobId, from.name);
  if (stat === null) return null;
  const read = async (start: number, end: number): Promise<Buffer> =>
    await buffer(await artifacts.open(from.jobId, from.name, { start, end: end - 1 }));
  const headerBytes = safetensorsHeaderBytes(await read(0, SAFETENSORS_LENGTH_BYTES));
  const header = await read(SAFETENSORS_LENGTH_BYTES, SAFETENSORS_LENGTH_BYTES + headerBytes);
  return safetensorsPart(header, stat.bytes, nameOf, metadata);
}

/** Yields the bytes of a file that {@link changedSafetensors} describes. */
async function* bytesOf(artifacts: ArtifactStore, from: ArtifactPlace, { start, ranges }: SafetensorsPart): AsyncGenerator<Uint8Array> {
  yield start;
  for (const range of ranges) {
    yield* (await artifacts.open(from.jobId, from.name, { start: range.start, end: range.end - 1 })) as AsyncIterable<Uint8Array>;
  }
}
