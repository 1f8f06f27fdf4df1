-- Adds the bytes of a file of a job to its owner's stored bytes. Used for gradients and evaluations, which no other script counts.
-- include: usage
local owner = redis.call('HGET', job, 'owner')
if not owner then return {'missing'} end
setFile(keys.usage(owner), files, name, bytes)
return {'counted'}
