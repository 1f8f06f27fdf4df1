// Records of uploads that are still being read, and of uploads that failed. The process that reads the files renews a lease. If the process
// dies, the upload counts as failed when the lease expires. Redis removes a record an hour after its last change. The dataset of a finished
// upload is in the DatasetStore under the same id.

import type { Problem } from '@trainyard/contracts';
import { uploadedDatasetId } from '@trainyard/engine/data';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { updateUpload } from './scripts/uploads.ts';

/** How long a record is kept after its last change, in ms. */
const keptMs = 60 * 60 * 1_000;

export interface PendingUpload {
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  /** `same`: the owner already has a dataset with the same content. */
  readonly status: 'processing' | 'failed' | 'same';
  /** Bytes read so far, and bytes of all files. */
  readonly progress: { readonly read: number; readonly total: number };
  /** Why the upload failed. Null if the process that read it died, and for other statuses. */
  readonly problem: Problem | null;
  /** For `same`: the id of that dataset; null otherwise. */
  readonly dataset: string | null;
  /** The id of the request that sent the upload. */
  readonly requestId: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

export class PendingUploads {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #leaseMs: number;

  /** @param options.leaseMs how long a record counts as being read without a renewal; default 30 s */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly leaseMs?: number }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#leaseMs = options.leaseMs ?? 30_000;
  }

  /** How often a lease should be renewed, in ms. */
  get renewalMs(): number {
    return this.#leaseMs / 10;
  }

  /** Records an upload whose files are on this machine. */
  async begin(upload: {
    readonly id: string;
    readonly owner: string;
    readonly title: string;
    readonly total: number;
    readonly requestId: string;
  }): Promise<PendingUpload> {
    const { id, owner, title, total, requestId } = upload;
    const keys = this.#keys;
    const createdAt = new Date().toISOString();
    const fields = {
      owner,
      title,
      requestId,
      total: String(total),
      read: '0',
      status: 'processing',
      createdAt,
      leaseUntil: String(Date.now() + this.#leaseMs),
    };
    await this.#redis
      .multi()
      .hset(keys.upload(id), fields)
      .pexpire(keys.upload(id), keptMs)
      .zadd(keys.uploads, 0, id)
      .zadd(keys.uploadsOf(owner), 0, id)
      .exec();
    return { id, owner, title, status: 'processing', progress: { read: 0, total }, problem: null, dataset: null, requestId, createdAt };
  }

  /** Renews the lease and records the bytes read. @returns false if the upload was deleted: stop reading it */
  async renew(id: string, read: number): Promise<boolean> {
    return await this.#update(id, { read: String(read), leaseUntil: String(Date.now() + this.#leaseMs) });
  }

  async fail(id: string, problem: Problem): Promise<void> {
    await this.#update(id, { status: 'failed', problem: JSON.stringify(problem) });
  }

  /** Records that the existing dataset `dataset` has the same content. */
  async same(id: string, dataset: string): Promise<void> {
    await this.#update(id, { status: 'same', dataset });
  }

  /** Removes the record of an upload. @returns false when there is none */
  async remove({ id, owner }: Pick<PendingUpload, 'id' | 'owner'>): Promise<boolean> {
    const keys = this.#keys;
    const [[, removed] = []] =
      (await this.#redis.multi().unlink(keys.upload(id)).zrem(keys.uploads, id).zrem(keys.uploadsOf(owner), id).exec()) ?? [];
    return removed === 1;
  }

  /** Returns the upload; null if it does not exist, or if `owner` is given and is not its owner. */
  async get(id: string, owner?: string): Promise<PendingUpload | null> {
    if (!uploadedDatasetId.safeParse(id).success) return null;
    const upload = uploadOf(id, await this.#redis.hgetall(this.#keys.upload(id)));
    return upload !== null && owner !== undefined && upload.owner !== owner ? null : upload;
  }

  /** Lists uploads, newest first, without those with status `same`. The options have the same meaning as in {@link DatasetStore.list}. */
  async list(options: { readonly limit: number; readonly after?: string; readonly owner?: string }): Promise<PendingUpload[]> {
    const start = options.after === undefined ? '+' : `(${options.after}`;
    const key = options.owner === undefined ? this.#keys.uploads : this.#keys.uploadsOf(options.owner);
    const ids = await this.#redis.zrange(key, start, '-', 'BYLEX', 'REV', 'LIMIT', 0, options.limit);
    const found = await Promise.all(ids.map(async (id) => ({ id, upload: await this.get(id) })));
    const gone = found.filter(({ upload }) => upload === null).map(({ id }) => id);
    if (gone.length > 0) {
      await this.#redis.zrem(key, ...gone);
      return await this.list(options);
    }
    return found.flatMap(({ upload }) => (upload === null || upload.status === 'same' ? [] : [upload]));
  }

  /** Changes a record that is being processed, and keeps it for another hour. */
  async #update(id: string, fields: Readonly<Record<string, string>>): Promise<boolean> {
    const upload = this.#keys.upload(id);
    const [outcome] = await updateUpload(this.#redis, { upload, keptMs: keptMs + this.#leaseMs, fields: Object.entries(fields).flat() });
    return outcome === 'updated';
  }
}

function uploadOf(id: string, stored: Readonly<Record<string, string>>): PendingUpload | null {
  const { owner, title, status, read, total, problem, dataset, requestId, createdAt, leaseUntil } = stored;
  if (owner === undefined) return null;
  return {
    id,
    owner,
    title,
    status: status === 'processing' && Number(leaseUntil) < Date.now() ? 'failed' : (status as PendingUpload['status']),
    progress: { read: Number(read), total: Number(total) },
    problem: problem === undefined ? null : (JSON.parse(problem) as Problem),
    dataset: dataset ?? null,
    requestId,
    createdAt,
  };
}
