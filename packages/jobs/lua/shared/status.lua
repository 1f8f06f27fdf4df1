-- Changes of a job's status.
-- include: usage, events, lists

local hasWorker = { running = true, pausing = true, cancelling = true }

local function setStatus(jobId, status)
  local job = keys.job(jobId)
  local before = redis.call('HGET', job, 'status')
  if before then changeLists('ZREM', jobId, before) end
  if hasWorker[before] and not hasWorker[status] then redis.call('DEL', keys.lease(jobId)) end
  redis.call('HSET', job, 'status', status)
  changeLists('ZADD', jobId, status)
end

-- Sets the status and appends its event. Deletes the lease if no worker has the job in the new status.
local function enter(jobId, status)
  setStatus(jobId, status)
  return append(jobId, 'status', '{"jobId":"' .. jobId .. '","status":"' .. status .. '"}')
end

-- Pauses a job and resets its count of attempts without progress.
local function pause(jobId)
  redis.call('HSET', keys.job(jobId), 'fruitless', '0')
  redis.call('HDEL', keys.job(jobId), 'phase', 'resumed')
  enter(jobId, 'paused')
end

-- Sets the estimated memory of an ended job from its actual number of events. Until then, the estimate includes the events of all planned
-- epochs.
local function settleMemory(jobId)
  local job = keys.job(jobId)
  local record = redis.call('HMGET', job, 'redisBytes', 'owner')
  if not record[1] then return end
  local events = redis.call('XLEN', keys.events(jobId))
  local texts = redis.call('HSTRLEN', job, 'spec') + redis.call('HSTRLEN', job, 'notes')
  setMemory(keys.usage(record[2]), job, constants.recordMemory + texts + constants.eventMemory * events)
end

-- Sets a final status and appends its event. Records the time and the id of that event, adds the job to the totals, and settles its memory.
-- Publishes the end of a job that has a webhook or a sweep. `error` is JSON, or nil.
local function finish(jobId, status, now, error)
  local job = keys.job(jobId)
  local data = '{"jobId":"' .. jobId .. '","status":"' .. status .. '"}'
  if error then
    data = '{"jobId":"' .. jobId .. '","status":"' .. status .. '","error":' .. error .. '}'
    redis.call('HSET', job, 'error', error)
  end
  redis.call('HDEL', job, 'phase')
  local id = append(jobId, 'status', data)
  setStatus(jobId, status)
  redis.call('HSET', job, 'finishedAt', now, 'finalEvent', id)
  redis.call('HINCRBY', keys.totals, status, 1)
  settleMemory(jobId)
  local record = redis.call('HMGET', job, 'webhook', 'sweep')
  if record[1] then redis.call('ZADD', keys.ended, redis.call('TIME')[1] * 1000, jobId) end
  if record[1] or record[2] then redis.call('PUBLISH', keys.ended, jobId) end
end

-- Ends or pauses a job with this status if a cancel or a pause was requested. Returns its new status; nil if neither was requested.
local function settle(jobId, status, now)
  if status == 'cancelling' then
    finish(jobId, 'cancelled', now)
    return 'cancelled'
  end
  if status == 'pausing' then
    pause(jobId)
    return 'paused'
  end
  return nil
end
