-- A worker takes the job that starts next: the job that was interrupted first, or else the first waiting job of the API key whose turn it
-- is. Sending the same claim twice takes one job.
-- include: claim

-- Returns the job that this claim took before, if this claim still has it.
local function takenBefore()
  local jobId = redis.call('GET', claimedJob)
  if not jobId then return nil end
  local record = redis.call('HMGET', keys.job(jobId), 'claim', 'status')
  local status = record[2]
  local isStill = record[1] == claimId and (status == 'running' or status == 'cancelling' or status == 'pausing')
  return isStill and jobId or nil
end

local jobId = takenBefore() or redis.call('ZRANGE', keys.interrupted, 0, 0)[1]
if not jobId then
  local key = nextKey()
  if not key then return {'none'} end
  jobId = redis.call('ZRANGE', keys.waitingOf(key.owner), 0, 0)[1]
end
local reply = claim(jobId)
if reply[1] == 'claimed' then redis.call('SET', claimedJob, jobId, 'PX', rememberClaimMs) end
return {jobId, missingWakeUps(), reply}
