// The record of a sweep: its beginning, what is added to it, its end and its removal.
import { idempotencyFragment } from './fragments.ts';
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, sweeps, the owner's sweeps, active sweeps, idempotency key, trials. ARGV: id, the owner, their quotas (JSON), how many jobs
 * it begins with, body digest ('' = no idempotency key), seconds to keep it, bytes of the record and the trials, bytes that its jobs will
 * store, bytes of Redis that are estimated for the sweep, and for its jobs, how many of the next arguments are the record's; field, value, … of the record, then of the trials.
 * Answers created, replayed or mismatch, each with the sweep's id; or overQuota. Sent twice, it is one sweep.
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
 * Turns a record of version 0.1.0, which has a whole spec for each trial, into one of today.
 * KEYS: record, trials. ARGV: how many of the next arguments are the record's; field, value, … of the record, then of the trials.
 * Answers upgraded, or before when it was. Its bytes were never counted, and are not from here on either.
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

/** KEYS: record. ARGV: field, value. Sets a field that is not set yet. Answers set, before when it was set, or missing. */
export const setOnceInSweep: Script = {
  name: 'trainyardSetOnceInSweep',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
return {redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 and 'set' or 'before'}
`,
};

/** KEYS: record, active sweeps. ARGV: id, the owner, status, now (RFC 3339). Answers ended; before when it had; or missing. */
export const endSweep: Script = {
  name: 'trainyardEndSweep',
  lua: `${usageFragment}
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
if redis.call('HSETNX', KEYS[1], 'status', ARGV[3]) == 0 then return {'before'} end
redis.call('HSET', KEYS[1], 'finishedAt', ARGV[4])
-- Cancelled, it makes those no more that it had not made.
redis.call('HINCRBY', usageKey(KEYS[1], ARGV[1], ARGV[2]), 'plannedJobs', 0 - (redis.call('HGET', KEYS[1], 'plannedJobs') or 0))
redis.call('HDEL', KEYS[1], 'plannedJobs')
return {'ended'}
`,
};

/** KEYS: record, trials, sweeps, the owner's sweeps. ARGV: id, the owner. Answers deleted; missing; or running, when it has not ended. */
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
