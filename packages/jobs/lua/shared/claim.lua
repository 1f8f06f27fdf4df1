-- include: status, waiting, turns

-- Takes one job for a worker. Each claim raises the job's attempt number, so that writes of earlier attempts are refused. The lease shows
-- that the job has a worker. `previous` is the number of this worker's previous attempt, which has ended; nil if there is none.
-- `isCounted`: whether that attempt counts as an attempt without progress. The field `fruitless` of the record is their number. Returns the
-- reply of `claimJob`. The script that includes this has the arguments worker, claimId, now, attemptsAllowed, crashLoopError and leaseMs.
local function claim(jobId, previous, isCounted)
  local job = keys.job(jobId)
  local record = redis.call('HMGET', job, 'status', 'fruitless', 'spec', 'claim', 'attempt', 'checkpointFile', 'traceparent', 'owner')
  local status, withoutProgress, spec, lastClaim, lastAttempt = record[1], record[2], record[3], record[4], record[5]
  local checkpoint, traceparent, owner = record[6] or '', record[7] or '', record[8]
  if not status then return {'missing'} end
  if status == 'running' and lastClaim == claimId then return {'claimed', tonumber(lastAttempt), spec, checkpoint, traceparent} end
  local hasWaited = leaveQueue(jobId)
  local settled = settle(jobId, status, now)
  if settled then return {settled} end
  if status ~= 'queued' and status ~= 'running' then return {'refused', status} end
  local isFollowedUp = status == 'running' and lastAttempt == previous
  if isFollowedUp and not isCounted then withoutProgress = redis.call('HINCRBY', job, 'fruitless', -1) end
  if tonumber(withoutProgress) >= tonumber(attemptsAllowed) then
    finish(jobId, 'failed', now, crashLoopError)
    return {'crashLoop'}
  end
  local attempt = redis.call('HINCRBY', job, 'attempt', 1)
  redis.call('HINCRBY', job, 'fruitless', 1)
  redis.call('HSET', job, 'worker', worker, 'claim', claimId)
  redis.call('HSETNX', job, 'startedAt', now)
  redis.call('HDEL', job, 'phase', 'resumed', 'lastLine')
  redis.call('SET', keys.lease(jobId), attempt, 'PX', leaseMs)
  if hasWaited then countStart(owner) end
  if status == 'queued' then
    enter(jobId, 'running')
  elseif not isFollowedUp then
    appendLog(jobId, '{"jobId":"' .. jobId .. '","level":"warn","message":"attempt ' .. attempt .. ': the lease of the previous attempt has expired"}')
  end
  return {'claimed', attempt, spec, checkpoint, traceparent}
end
