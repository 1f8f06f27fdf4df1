-- The pause action: queued → paused; running → pausing, and the job's worker is notified. Repeating it changes nothing, but notifies the
-- worker again, because a notification may be lost.
-- include: status, waiting
local status = redis.call('HGET', job, 'status')
if not status then return {'missing'} end
if status == 'queued' then
  leaveQueue(jobId)
  pause(jobId)
elseif status == 'running' then
  enter(jobId, 'pausing')
  redis.call('ZADD', actionRequests, nowMs, jobId)
  redis.call('PUBLISH', keys.actionChannel, jobId)
elseif status == 'pausing' then
  redis.call('PUBLISH', keys.actionChannel, jobId)
elseif status ~= 'paused' then
  return {'refused', status}
end
return {'accepted'}
