-- The resume action: paused → queued. Repeating it changes nothing while the job waits, and is refused after a worker has taken the job.
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
