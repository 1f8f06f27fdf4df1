-- Ends a sweep, unless it has already ended.
redis.call('SREM', activeSweeps, sweepId)
if redis.call('EXISTS', sweep) == 0 then return {'missing'} end
if redis.call('HSETNX', sweep, 'status', final) == 0 then return {'before'} end
redis.call('HSET', sweep, 'finishedAt', now)
-- A cancelled sweep does not create its remaining jobs.
redis.call('HINCRBY', keys.usage(owner), 'plannedJobs', 0 - (redis.call('HGET', sweep, 'plannedJobs') or 0))
redis.call('HDEL', sweep, 'plannedJobs')
return {'ended'}
