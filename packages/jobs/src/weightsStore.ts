// Uploaded weights: a safetensors file among the artifacts, under an id of its own, and a record of what it holds. A job that begins
// with them gets a copy, so that later changes to them do not touch it.
import { finalStatuses, type Weights } from '@trainyard/contracts';
import type { WeightsFile } from '@trainyard/engine/node';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import type { ArtifactPlace, ArtifactStore } from './artifacts/artifactStore.ts';
import { copyWithoutPrefix } from './copyWithoutPrefix.ts';
import { ReservationExpiredError, WeightsInUseError, WeightsNotFoundError } from './errors.ts';
import { quotaText, type Quotas, refuseOverQuota } from './quotas.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import type { Remains } from './remains.ts';
import { createWeights } from './scripts/createWeights.ts';
import { deleteWeights } from './scripts/deleteWeights.ts';
import { runScript } from './scripts/script.ts';
import { useWeights } from './scripts/useWeights.ts';

/** The file's name under its id. */
const fileName = 'weights.safetensors';
/** Jobs that used weights are looked at by so many when another one does, and forgotten where they have ended. */
const LOOKED = 4;

export class WeightsStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #artifacts: ArtifactStore;
  readonly #remains: Remains;

  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly artifacts: ArtifactStore; readonly remains: Remains }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#artifacts = options.artifacts;
    this.#remains = options.remains;
  }

  /**
   * @param file a finished, checked file at a path of `ArtifactStore.temporaryFile`, which is moved
   * @param quotas the owner's; no quotas if omitted
   * @throws QuotaExceededError
   */
  async add({ path, tensors, taken }: WeightsFile, owner: string, quotas?: Quotas): Promise<Weights> {
    const id = `wt_${ulid()}`;
    await this.#remains.reserve(id);
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
    const reply = await runScript(
      this.#redis,
      createWeights,
      [this.#keys.weights(id), this.#keys.remains],
      [id, owner, quotaText(quotas), bytes, 'owner', owner, 'weights', JSON.stringify(weights)],
    );
    if (reply[0] === 'overQuota') await this.#remains.remove(id).catch(() => undefined);
    refuseOverQuota(reply);
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
   * Copies the file for a job that is being made, and notes that it uses them.
   * @param removedPrefix what the copy's names lack
   * @throws WeightsNotFoundError also when they are being deleted at this moment
   */
  async copy(id: string, to: ArtifactPlace, removedPrefix: string): Promise<void> {
    const keys = this.#keys;
    const looked = await this.#redis.srandmember(keys.weightsUsers(id), LOOKED);
    const [outcome] = await runScript(
      this.#redis,
      useWeights,
      [keys.weights(id), keys.weightsUsers(id)],
      [to.jobId, keys.job(''), looked.length, ...looked, ...finalStatuses],
    );
    if (outcome === 'missing') throw new WeightsNotFoundError(id);
    await copyWithoutPrefix(this.#artifacts, { jobId: id, name: fileName }, to, removedPrefix);
  }

  /**
   * @throws WeightsNotFoundError
   * @throws WeightsInUseError a job that has not ended was made with them
   */
  async delete(id: string): Promise<void> {
    const keys = this.#keys;
    const [outcome, jobId] = await runScript(
      this.#redis,
      deleteWeights,
      [keys.weights(id), keys.weightsUsers(id), keys.remains],
      [id, Date.now(), keys.job(''), ...finalStatuses],
    );
    if (outcome === 'missing') throw new WeightsNotFoundError(id);
    if (outcome === 'refused') throw new WeightsInUseError(id, String(jobId));
    // They are gone in any case; a file that cannot be removed now is removed by a sweep.
    await this.#remains.remove(id).catch(() => undefined);
  }
}
