-- Deletes an uploaded dataset, unless a job that has not ended uses it. The same step schedules the removal of its files.
-- include: uploads
local reply = deleteUpload(dataset, datasetId, users)
if reply[1] ~= 'deleted' then return reply end
redis.call('ZREM', datasets, datasetId)
redis.call('ZREM', datasetsOfOwner, datasetId)
if redis.call('HGET', contentsOfOwner, digest) == datasetId then redis.call('HDEL', contentsOfOwner, digest) end
return reply
