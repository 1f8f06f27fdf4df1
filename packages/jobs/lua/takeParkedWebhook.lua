-- Removes the parked webhook that has waited longest, and replies its id in the queue.
local first = redis.call('ZPOPMIN', parked)
if redis.call('EXISTS', parked) == 0 then redis.call('SREM', owners, owner) end
if not first[1] then return {'none'} end
return {'taken', first[1]}
