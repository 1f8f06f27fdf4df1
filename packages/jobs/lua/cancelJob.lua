-- The cancel action: queued, paused → cancelled; running, pausing → cancelling, and the job's worker is notified. Repeating it changes
-- nothing, but notifies the worker again, because a notification may be lost.
-- include: status, waiting
local status = redis.call('HGET', job, 'status')
if not status then return {'missing'} end
if status == 'queued' or status == 'paused' then
  leaveQueue(jobId)
  finish(jobId, 'cancelled', now)
elseif status == 'running' or status == 'pausing' then
  enter(jobId, 'cancelling')
  redis.call('ZADD', actionRequests, nowMs, jobId)
  redis.call('PUBLISH', keys.actionChannel, jobId)
elseif status == 'cancelling' then
  redis.call('PUBLISH', keys.actionChannel, jobId)
elseif status ~= 'cancelled' then
  return {'refused', status}
end
return {'accepted'}
