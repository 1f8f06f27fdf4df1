-- Counts a file of a job for its owner's storage: gradients and evaluations, which no other script counts.
-- include: usage
local owner = redis.call('HGET', job, 'owner')
if not owner then return {'missing'} end
setFile(keys.usage(owner), files, name, bytes)
return {'counted'}
