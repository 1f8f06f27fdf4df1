-- The resume action: paused → queued. While the job waits, repeating the action changes nothing. After a worker has taken the job, the
-- action is refused.
-- include: status, waiting
local record = redis.call('HMGET', job, 'status', 'resumed')
local status, isResumed = record[1], record[2]
if not status then return {'missing'} end
if status == 'queued' and isResumed then return {'accepted'} end
if status ~= 'paused' then return {'refused', status} end
redis.call('HSET', job, 'resumed', '1')
wait(jobId, nowMs)
enter(jobId, 'queued')
return {'accepted'}
