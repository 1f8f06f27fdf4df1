-- Uploaded datasets and weights.
-- include: usage

-- Deletes an upload, unless one of its users (`jobIds`) is a job that has not ended: removes its record and the set `users`, and schedules
-- the removal of its files. Returns the reply. The script that includes this has the arguments `reservedFiles` and `nowMs`.
local function deleteUpload(record, id, users, jobIds)
  if redis.call('EXISTS', record) == 0 then return {'missing'} end
  for _, jobId in ipairs(jobIds) do
    local status = redis.call('HGET', keys.job(jobId), 'status')
    if status and not constants.isFinal[status] then return {'inUse', jobId} end
  end
  subtractStored(keys.usage(redis.call('HGET', record, 'owner')), record)
  redis.call('ZADD', reservedFiles, nowMs, id)
  redis.call('UNLINK', record, users)
  return {'deleted'}
end
