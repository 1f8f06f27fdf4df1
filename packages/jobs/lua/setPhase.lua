-- Sets the phase of a running job.
-- include: fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
redis.call('HSET', job, 'phase', phase)
return {'written'}
