// Creates, changes, ends and deletes the record of a sweep.
import { idempotencyFragment } from './fragments.ts';
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * Sending the same call twice creates one sweep.
 * - KEYS: record, sweeps, the owner's sweeps, active sweeps, idempotency key, trials.
 * - ARGV: sweep id, owner, the owner's quotas (JSON), number of jobs in the first rung, body digest ('' = no idempotency key), lifetime of
 *   the idempotency key (s), bytes of the record and the trials, bytes that the jobs will store, estimated bytes of Redis memory for the
 *   sweep, the same for its jobs, number of arguments for the record; then field, value, … of the record, and field, value, … of the
 *   trials.
 * - Replies:
 *   - `created`, sweep id;
 *   - `replayed`, sweep id: an earlier request had the same idempotency key and body;
 *   - `mismatch`, sweep id: an earlier request had the same idempotency key and another body;
 *   - `overQuota`, …: see `quotaFragment`.
 */
export const createSweep: Script = {
  name: 'trainyardCreateSweep',
  lua: `${usageFragment}${quotaFragment}${idempotencyFragment}
if redis.call('EXISTS', KEYS[1]) == 1 then return {'created', ARGV[1]} end
local before = madeBefore(KEYS[5], ARGV[5], KEYS[1], ARGV[1])
if before then return before end
local usage = usageKey(KEYS[1], ARGV[1], ARGV[2])
local over = overQuota(usage, ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[7] + ARGV[8], ARGV[9] + ARGV[10])
if over then return over end
local last = 11 + tonumber(ARGV[11])
redis.call('HSET', KEYS[1], 'plannedJobs', ARGV[4], unpack(ARGV, 12, last))
redis.call('HSET', KEYS[6], unpack(ARGV, last + 1))
store(usage, KEYS[1], ARGV[7])
charge(usage, KEYS[1], ARGV[9])
redis.call('HINCRBY', usage, 'plannedJobs', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
remember(KEYS[5], ARGV[5], ARGV[1], ARGV[6])
return {'created', ARGV[1]}
`,
};

/**
 * Rewrites a record of version 0.1.0, which holds a whole spec for each trial. Version 0.1.0 did not count the record's bytes for the
 * owner's storage, and this script does not count them either.
 * - KEYS: record, trials.
 * - ARGV: number of arguments for the record; then field, value, … of the record, and field, value, … of the trials.
 * - Replies: `upgraded`; `before` if the record is already rewritten.
 */
export const upgradeSweep: Script = {
  name: 'trainyardUpgradeSweep',
  lua: `
if redis.call('HEXISTS', KEYS[1], 'plan') == 0 then return {'before'} end
local last = 1 + tonumber(ARGV[1])
redis.call('HDEL', KEYS[1], 'plan', 'trials')
redis.call('HSET', KEYS[1], unpack(ARGV, 2, last))
redis.call('HSET', KEYS[2], unpack(ARGV, last + 1))
return {'upgraded'}
`,
};

/**
 * Sets a field that is not set yet.
 * - KEYS: record.
 * - ARGV: field, value.
 * - Replies: `set`; `before` if the field was already set; `missing`.
 */
export const setOnceInSweep: Script = {
  name: 'trainyardSetOnceInSweep',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
return {redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 and 'set' or 'before'}
`,
};

/**
 * - KEYS: record, active sweeps.
 * - ARGV: sweep id, owner, final status, now (RFC 3339).
 * - Replies: `ended`; `before` if the sweep had already ended; `missing`.
 */
export const endSweep: Script = {
  name: 'trainyardEndSweep',
  lua: `${usageFragment}
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
if redis.call('HSETNX', KEYS[1], 'status', ARGV[3]) == 0 then return {'before'} end
redis.call('HSET', KEYS[1], 'finishedAt', ARGV[4])
-- A cancelled sweep does not create its remaining jobs.
redis.call('HINCRBY', usageKey(KEYS[1], ARGV[1], ARGV[2]), 'plannedJobs', 0 - (redis.call('HGET', KEYS[1], 'plannedJobs') or 0))
redis.call('HDEL', KEYS[1], 'plannedJobs')
return {'ended'}
`,
};

/**
 * - KEYS: record, trials, sweeps, the owner's sweeps.
 * - ARGV: sweep id, owner.
 * - Replies: `deleted`; `missing`; `running` if the sweep has not ended.
 */
export const deleteSweep: Script = {
  name: 'trainyardDeleteSweep',
  lua: `${usageFragment}
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
if redis.call('HEXISTS', KEYS[1], 'finishedAt') == 0 then return {'running'} end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
local usage = usageKey(KEYS[1], ARGV[1], ARGV[2])
unstore(usage, KEYS[1])
uncharge(usage, KEYS[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
return {'deleted'}
`,
};
