-- A worker returns a job. If a cancel or a pause was requested, the job is cancelled or paused; otherwise it is queued again. The attempt
-- does not count as an attempt without progress. If the call is sent again after the job was paused, it replies `paused` again.
-- include: status, waiting, fence
local before = redis.call('HMGET', job, 'attempt', 'status')
if before[1] == attempt and before[2] == 'paused' then return {'paused'} end
local status = statusOfCurrent(job, attempt)
if not status then return {'stale'} end
local settled = settle(jobId, status, now)
if settled then return {settled} end
redis.call('HINCRBY', job, 'fruitless', -1)
redis.call('HDEL', job, 'phase')
interrupt(jobId)
enter(jobId, 'queued')
return {'released'}
