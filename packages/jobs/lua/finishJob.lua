-- Ends a job. If a cancel was requested, the job ends as `cancelled`, even if the attempt succeeded or failed. If the same attempt sends
-- the call again, it returns the same reply.
-- include: status, fence
local before = redis.call('HMGET', job, 'attempt', 'finishedAt', 'status', 'owner')
if before[1] == attempt and before[2] then return {'finished', before[3]} end
local status = statusOfCurrent(job, attempt)
if not status then return {'stale'} end
if status ~= 'cancelling' and final == 'cancelled' then return {'refused', status} end
if status == 'cancelling' then final = 'cancelled' end
if final == 'succeeded' then
  redis.call('HSET', job, 'result', detail)
  setFile(keys.usage(before[4]), files, modelFile, modelBytes)
end
finish(jobId, final, now, final == 'failed' and detail)
return {'finished', final}
