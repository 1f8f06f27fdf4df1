-- Deletes uploaded weights, unless a job that has not ended was created with them. The same step schedules the removal of their file.
-- include: usage
if redis.call('EXISTS', weights) == 0 then return {'missing'} end
for _, jobId in ipairs(redis.call('SMEMBERS', users)) do
  local status = redis.call('HGET', keys.job(jobId), 'status')
  if status and not constants.isFinal[status] then return {'inUse', jobId} end
end
subtractStored(keys.usage(redis.call('HGET', weights, 'owner')), weights)
redis.call('ZADD', reservedFiles, nowMs, weightsId)
redis.call('UNLINK', weights, users)
return {'deleted'}
