-- Creates the record of a sweep. Sending the same call twice creates one sweep.
-- include: usage, quota, idempotency
if redis.call('EXISTS', sweep) == 1 then return {'created', sweepId} end
local before = madeBefore(idempotency, digest, keys.sweep)
if before then return before end
local over = overQuota(owner, quotas, tonumber(firstJobs), recordBytes + jobBytes, recordRedisBytes + jobRedisBytes)
if over then return over end
redis.call('HSET', sweep, 'plannedJobs', firstJobs, unpack(record))
redis.call('HSET', trials, unpack(trialFields))
local usage = keys.usage(owner)
setStored(usage, sweep, recordBytes)
setMemory(usage, sweep, recordRedisBytes)
redis.call('HINCRBY', usage, 'plannedJobs', firstJobs)
redis.call('ZADD', sweeps, 0, sweepId)
redis.call('ZADD', sweepsOfOwner, 0, sweepId)
redis.call('SADD', activeSweeps, sweepId)
remember(idempotency, digest, sweepId, idempotencySeconds)
return {'created', sweepId}
