-- Deletes an uploaded dataset, unless a job that has not ended uses it. The same step schedules the removal of its files.
-- include: usage
if redis.call('EXISTS', dataset) == 0 then return {'missing'} end
for _, jobId in ipairs(redis.call('ZRANGE', users, 0, -1)) do
  local status = redis.call('HGET', keys.job(jobId), 'status')
  if status and not constants.isFinal[status] then return {'inUse', jobId} end
end
subtractStored(keys.usage(redis.call('HGET', dataset, 'owner')), dataset)
redis.call('ZADD', reservedFiles, nowMs, datasetId)
redis.call('UNLINK', dataset, users)
redis.call('ZREM', datasets, datasetId)
redis.call('ZREM', datasetsOfOwner, datasetId)
if redis.call('HGET', contentsOfOwner, digest) == datasetId then redis.call('HDEL', contentsOfOwner, digest) end
return {'deleted'}
