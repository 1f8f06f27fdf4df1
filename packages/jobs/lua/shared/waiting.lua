-- Jobs that wait for a worker. Each API key (`owner`) has its own set of waiting jobs.
-- include: clock

-- Adds the job to the waiting jobs of its API key: highest priority first, then lowest `since` (ms).
local function wait(jobId, since)
  local record = redis.call('HMGET', keys.job(jobId), 'owner', 'priority')
  local owner = record[1]
  redis.call('ZADD', keys.waitingOf(owner), since - (record[2] or 0) * 1e13, jobId)
  if not redis.call('ZSCORE', keys.waitingOwners, owner) then
    redis.call('ZADD', keys.waitingOwners, redis.call('HINCRBY', keys.lastTurns, '*', 1), owner)
  end
end

-- Adds the job to the interrupted jobs. They start before all waiting jobs.
local function interrupt(jobId) redis.call('ZADD', keys.interrupted, redisTimeMs(), jobId) end

-- Removes the job from the waiting jobs and from the interrupted jobs. Returns whether it was among the waiting jobs.
local function leaveQueue(jobId)
  local owner = redis.call('HGET', keys.job(jobId), 'owner')
  redis.call('ZREM', keys.interrupted, jobId)
  local waited = redis.call('ZREM', keys.waitingOf(owner), jobId) == 1
  if waited and redis.call('EXISTS', keys.waitingOf(owner)) == 0 then redis.call('ZREM', keys.waitingOwners, owner) end
  return waited
end
