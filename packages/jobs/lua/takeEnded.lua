-- Removes a job from the ended jobs whose webhook is not queued yet, unless a later round of its deliveries has begun.
if (redis.call('HGET', job, 'webhookRound') or '0') ~= round then return {'stale'} end
redis.call('ZREM', ended, jobId)
return {'taken'}
