// The beginning and the end of a sweep's record.
import { idempotencyFragment } from './fragments.ts';
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, sweeps, the owner's sweeps, active sweeps, idempotency key. ARGV: id, the owner, their quotas (JSON), how many jobs it
 * begins with, body digest ('' = no idempotency key), seconds to keep it, field, value, …. Answers created, replayed or mismatch, each
 * with the sweep's id; or overQuota. Sent twice, it is one sweep.
 */
export const createSweep: Script = {
  name: 'trainyardCreateSweep',
  lua: `${usageFragment}${quotaFragment}${idempotencyFragment}
if redis.call('EXISTS', KEYS[1]) == 1 then return {'created', ARGV[1]} end
local before = madeBefore(KEYS[5], ARGV[5], KEYS[1], ARGV[1])
if before then return before end
local usage = usageKey(KEYS[1], ARGV[1], ARGV[2])
local over = overQuota(usage, ARGV[2], ARGV[3], tonumber(ARGV[4]), 0)
if over then return over end
redis.call('HSET', KEYS[1], 'plannedJobs', ARGV[4], unpack(ARGV, 7))
redis.call('HINCRBY', usage, 'plannedJobs', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
remember(KEYS[5], ARGV[5], ARGV[1], ARGV[6])
return {'created', ARGV[1]}
`,
};

/** KEYS: record, active sweeps. ARGV: id, the owner, status, now (RFC 3339). Answers ended, or before when it had. */
export const endSweep: Script = {
  name: 'trainyardEndSweep',
  lua: `${usageFragment}
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('HSETNX', KEYS[1], 'status', ARGV[3]) == 0 then return {'before'} end
redis.call('HSET', KEYS[1], 'finishedAt', ARGV[4])
-- Cancelled, it makes those no more that it had not made.
redis.call('HINCRBY', usageKey(KEYS[1], ARGV[1], ARGV[2]), 'plannedJobs', 0 - (redis.call('HGET', KEYS[1], 'plannedJobs') or 0))
redis.call('HDEL', KEYS[1], 'plannedJobs')
return {'ended'}
`,
};
