-- Cancels or pauses a job in place of its lost worker. Raises the attempt number. So if the worker was only frozen, its later writes are
-- refused.
-- include: status, waiting
local status = redis.call('HGET', job, 'status')
local isRequested = status == 'cancelling' or status == 'pausing'
if isRequested and redis.call('EXISTS', lease) == 1 then return {'held'} end
redis.call('ZREM', actionRequests, jobId)
if not isRequested then return {'none'} end
redis.call('HINCRBY', job, 'attempt', 1)
leaveQueue(jobId)
settle(jobId, status, now)
return {'settled'}
