-- Records an uploaded dataset, unless its owner already has a dataset with the same content. Its files are stored already, under a
-- reservation that ends with this call. Sending the same call twice records one dataset.
-- include: usage, quota
if redis.call('EXISTS', dataset) == 1 then return {'recorded'} end
local known = redis.call('HGET', contentsOfOwner, digest)
if known and redis.call('EXISTS', keys.dataset(known)) == 1 then return {'known', known} end
local over = overQuota(owner, quotas, 0, tonumber(bytes))
if over then return over end
if redis.call('ZREM', reservedFiles, datasetId) == 0 then return {'expired'} end
redis.call('HSET', dataset, unpack(record))
setStored(keys.usage(owner), dataset, bytes)
redis.call('ZADD', datasets, 0, datasetId)
redis.call('ZADD', datasetsOfOwner, 0, datasetId)
redis.call('HSET', contentsOfOwner, digest, datasetId)
return {'recorded'}
