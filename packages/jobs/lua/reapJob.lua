-- Queues a running job again when its lease has expired and no worker has taken it over. Until a worker claims it, writes of the
-- interrupted attempt are refused, because the job is not running.
-- include: status, waiting
if redis.call('EXISTS', lease) == 1 then return {'held'} end
if redis.call('HGET', job, 'status') ~= 'running' then return {'none'} end
redis.call('HDEL', job, 'phase')
interrupt(jobId)
appendLog(jobId, '{"jobId":"' .. jobId .. '","level":"warn","message":"the lease of the job has expired: the job waits for another worker"}')
enter(jobId, 'queued')
return {'reaped'}
