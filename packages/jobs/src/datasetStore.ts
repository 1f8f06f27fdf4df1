// The records of uploaded datasets. A record contains the owner and the description of a dataset. The file itself is an artifact under the
// dataset's id. Permissions to use a dataset are checked elsewhere. When a job is created, lua/createJob.lua adds it to the users of its
// dataset.
import { randomInt } from 'node:crypto';
import {
  type ChosenSetting,
  type DatasetStatistics,
  UPLOADED_FILE,
  type UploadedContent,
  type UploadFormat,
  uploadedDatasetId,
} from '@trainyard/engine/data';
import type { Redis } from 'ioredis';
import { monotonicFactory } from 'ulid';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import { DatasetInUseError, DatasetNotFoundError, ReservationExpiredError } from './errors.ts';
import { PendingUploads } from './pendingUploads.ts';
import { overQuotaError, type Quotas, quotaText } from './quotas.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import type { ReservedFiles } from './reservedFiles.ts';
import { deleteDataset, recordDataset } from './scripts/uploads.ts';

/** Facts about the samples of a dataset, for its description. */
export interface StoredStatistics extends DatasetStatistics {
  /** For images: the number of ignored files and folders. Null for other formats. */
  readonly skipped: number | null;
}

/** A dataset to store. */
export interface NewDataset {
  /** An id from {@link DatasetStore.newId}. Default: a new id. */
  readonly id?: string;
  /** The owner: the name of the caller's API key. */
  readonly owner: string;
  readonly title: string;
  /** The format of the uploaded file. */
  readonly format: UploadFormat;
  readonly content: UploadedContent;
  /** The settings that the upload left out, with the values that the service chose. */
  readonly taken: readonly ChosenSetting[];
  /** Default: unknown. */
  readonly statistics?: StoredStatistics;
  /** The path of the finished NPZ file on this machine. The file is moved into the artifact store. */
  readonly file: string;
  /** The quotas of the owner. Default: none. */
  readonly quotas?: Quotas;
}

/** A stored dataset. */
export interface DatasetRecord {
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  /** The format of the uploaded file. */
  readonly format: UploadFormat;
  readonly content: UploadedContent;
  /** The settings that the upload left out, with the values that the service chose. Empty in records of version 0.1.0. */
  readonly taken: readonly ChosenSetting[];
  /** Null if they are unknown, as in records of version 0.1.0. */
  readonly statistics: StoredStatistics | null;
  /** The size of the stored file. */
  readonly bytes: number;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

export class DatasetStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #artifacts: ArtifactStore;
  readonly #reservedFiles: ReservedFiles;
  /** Uploads that are still being read, and uploads that failed. */
  readonly pending: PendingUploads;
  readonly #ulid = monotonicFactory(() => randomInt(32) / 32);

  /** The caller closes the given resources. */
  constructor(options: {
    readonly redis: Redis;
    readonly prefix: string;
    readonly artifacts: ArtifactStore;
    readonly reservedFiles: ReservedFiles;
    /** The lease of uploads that are being read, in ms. See {@link PendingUploads}. */
    readonly uploadLeaseMs?: number;
  }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#artifacts = options.artifacts;
    this.#reservedFiles = options.reservedFiles;
    this.pending = new PendingUploads({
      redis: options.redis,
      prefix: options.prefix,
      ...(options.uploadLeaseMs !== undefined && { leaseMs: options.uploadLeaseMs }),
    });
  }

  /**
   * Stores a dataset. If the owner already has a dataset with the same content, returns that dataset, and `isNew` is false.
   * @throws QuotaExceededError if the owner would be over a quota
   * @throws ReservationExpiredError if storing the file took too long
   * @throws ArtifactError if the file could not be stored
   */
  async add(given: NewDataset): Promise<{ readonly dataset: DatasetRecord; readonly isNew: boolean }> {
    const { owner, title, format, content, taken, statistics = null, file } = given;
    const known = await this.#byContent(owner, content.sha256);
    if (known !== null) return { dataset: known, isNew: false };
    const { id = this.newId() } = given;
    await this.#reservedFiles.reserve(id);
    let isNew = false;
    try {
      const { bytes } = await this.#artifacts.putFile(id, UPLOADED_FILE, file);
      const createdAt = new Date().toISOString();
      const dataset: DatasetRecord = { id, owner, title, format, content, taken, statistics, bytes, createdAt };
      const reply = await this.#record(dataset, given.quotas);
      if (reply[0] === 'overQuota') throw overQuotaError(reply);
      if (reply[0] === 'expired') throw new ReservationExpiredError(id);
      isNew = reply[0] === 'recorded';
      // `known`: another request stored the same content at the same time.
      return reply[0] === 'known' ? { dataset: await this.#existing(reply[1]), isNew } : { dataset, isNew };
    } finally {
      // After an error it is unknown whether the dataset was recorded. `remove` checks this in Redis, and keeps the file of a recorded
      // dataset.
      if (!isNew) await this.#reservedFiles.remove(id).catch(() => undefined);
    }
  }

  /** Returns a new id. It sorts after all earlier ids of this process. */
  newId(): string {
    return `ds_${this.#ulid()}`;
  }

  /** Returns the dataset; null if it does not exist, or if `owner` is given and is not its owner. */
  async get(id: string, owner?: string): Promise<DatasetRecord | null> {
    if (!uploadedDatasetId.safeParse(id).success) return null;
    // The owner is checked first, so that a request never reads the record of another key, which may be large.
    if (owner !== undefined && (await this.#redis.hget(this.#keys.dataset(id), 'owner')) !== owner) return null;
    return recordOf(id, await this.#redis.hgetall(this.#keys.dataset(id)));
  }

  /**
   * Lists datasets, newest first.
   * @param options `after`: the last id of the previous page; default: the first page. `owner`: only datasets of this owner; default: of
   *   all owners
   */
  async list(options: { readonly limit: number; readonly after?: string; readonly owner?: string }): Promise<DatasetRecord[]> {
    const start = options.after === undefined ? '+' : `(${options.after}`;
    const key = options.owner === undefined ? this.#keys.datasets : this.#keys.datasetsOf(options.owner);
    const ids = await this.#redis.zrange(key, start, '-', 'BYLEX', 'REV', 'LIMIT', 0, options.limit);
    const records = await Promise.all(ids.map((id) => this.get(id)));
    return records.filter((record) => record !== null);
  }

  /**
   * Removes a dataset and its file.
   * @throws DatasetNotFoundError if the dataset does not exist
   * @throws DatasetInUseError if a job that has not ended uses the dataset
   */
  async delete(id: string): Promise<void> {
    const keys = this.#keys;
    const { owner, content } = await this.#existing(id);
    const [outcome, jobId] = await deleteDataset(this.#redis, {
      ...this.#listKeys(owner),
      dataset: keys.dataset(id),
      users: keys.usersOf(id),
      tag: keys.tag,
      datasetId: id,
      digest: content.sha256,
      nowMs: Date.now(),
    });
    if (outcome === 'missing') throw new DatasetNotFoundError(id);
    if (outcome === 'inUse') throw new DatasetInUseError(id, jobId);
    // If the file cannot be removed now, `ReservedFiles.sweep` removes it later.
    await this.#reservedFiles.remove(id).catch(() => undefined);
  }

  async #byContent(owner: string, sha256: string): Promise<DatasetRecord | null> {
    const id = await this.#redis.hget(this.#keys.contentsOf(owner), sha256);
    return id === null ? null : await this.get(id);
  }

  async #record(dataset: DatasetRecord, quotas: Quotas | undefined) {
    const keys = this.#keys;
    const { id, owner, content, taken, statistics, bytes, ...texts } = dataset;
    const described = { content: JSON.stringify(content), taken: JSON.stringify(taken), statistics: JSON.stringify(statistics) };
    const record = { ...texts, ...described, owner, bytes: String(bytes) };
    return await recordDataset(this.#redis, {
      ...this.#listKeys(owner),
      dataset: keys.dataset(id),
      tag: keys.tag,
      datasetId: id,
      digest: content.sha256,
      owner,
      quotas: quotaText(quotas),
      bytes,
      record: Object.entries(record).flat(),
    });
  }

  /** Returns the keys of the lists that an owner's dataset may be in. */
  #listKeys(owner: string) {
    const keys = this.#keys;
    return {
      datasets: keys.datasets,
      datasetsOfOwner: keys.datasetsOf(owner),
      contentsOfOwner: keys.contentsOf(owner),
      reservedFiles: keys.reservedFiles,
    };
  }

  async #existing(id: string): Promise<DatasetRecord> {
    const record = await this.get(id);
    if (record === null) throw new DatasetNotFoundError(id);
    return record;
  }
}

function recordOf(id: string, stored: Readonly<Record<string, string>>): DatasetRecord | null {
  const { owner, title, format, content, taken, statistics, bytes, createdAt } = stored;
  if (owner === undefined) return null;
  return {
    id,
    owner,
    title,
    format: format as UploadFormat,
    content: JSON.parse(content) as UploadedContent,
    taken: taken === undefined ? [] : (JSON.parse(taken) as ChosenSetting[]),
    statistics: statistics === undefined ? null : (JSON.parse(statistics) as StoredStatistics),
    bytes: Number(bytes),
    createdAt,
  };
}
