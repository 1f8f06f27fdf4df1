-- Renews the lease of a worker on a job. If the lease has expired, for example during an outage of Redis, and no other worker has claimed
-- the job, the worker gets the lease again. So an outage does not interrupt a long training.
-- include: fence
local status = statusOfCurrent(job, attempt)
if not status then return {'stale'} end
-- A full Redis refuses SET, but not PEXPIRE.
if redis.call('PEXPIRE', lease, leaseMs) == 0 then redis.call('SET', lease, attempt, 'PX', leaseMs) end
redis.call('ZREM', interrupted, jobId)
return {'held', status}
