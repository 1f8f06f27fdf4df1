-- Records uploaded weights. Their file is stored already, under a reservation that ends with this call. Sending the same call twice records
-- the weights once.
-- include: usage, quota
if redis.call('EXISTS', weights) == 1 then return {'created'} end
local over = overQuota(owner, quotas, 0, tonumber(bytes))
if over then return over end
if redis.call('ZREM', reservedFiles, weightsId) == 0 then return {'expired'} end
redis.call('HSET', weights, unpack(record))
setStored(keys.usage(owner), weights, bytes)
return {'created'}
