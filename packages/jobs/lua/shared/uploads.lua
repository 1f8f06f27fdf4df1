-- Uploaded datasets and weights.
-- include: usage

-- The users of an upload are a sorted set of jobs by the time (ms) at which each was last checked. A script that includes this file has the
-- arguments `reservedFiles` and `nowMs`.

-- Adds a job to the users of an upload. Then it checks the two users whose last check is oldest, and removes those that have ended or are
-- deleted, so the set holds few such jobs. A job that is being created has no record yet, but its id is reserved.
local function addUser(users, jobId)
  for _, id in ipairs(redis.call('ZRANGE', users, 0, 1)) do
    local status = redis.call('HGET', keys.job(id), 'status')
    if constants.isFinal[status] or (not status and not redis.call('ZSCORE', reservedFiles, id)) then redis.call('ZREM', users, id)
    else redis.call('ZADD', users, nowMs, id) end
  end
  redis.call('ZADD', users, nowMs, jobId)
end

-- Deletes an upload, unless one of its users is a job that has not ended: removes its record and its set of users, and schedules the
-- removal of its files. Returns the reply.
local function deleteUpload(record, id, users)
  if redis.call('EXISTS', record) == 0 then return {'missing'} end
  for _, jobId in ipairs(redis.call('ZRANGE', users, 0, -1)) do
    local status = redis.call('HGET', keys.job(jobId), 'status')
    if status and not constants.isFinal[status] then return {'inUse', jobId} end
  end
  subtractStored(keys.usage(redis.call('HGET', record, 'owner')), record)
  redis.call('ZADD', reservedFiles, nowMs, id)
  redis.call('UNLINK', record, users)
  return {'deleted'}
end
