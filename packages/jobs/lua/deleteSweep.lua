-- Deletes a sweep that has ended.
-- include: usage
if redis.call('EXISTS', sweep) == 0 then return {'missing'} end
if redis.call('HEXISTS', sweep, 'finishedAt') == 0 then return {'running'} end
redis.call('ZREM', sweeps, sweepId)
redis.call('ZREM', sweepsOfOwner, sweepId)
local usage = keys.usage(owner)
subtractStored(usage, sweep)
subtractMemory(usage, sweep)
redis.call('UNLINK', sweep, trials)
return {'deleted'}
