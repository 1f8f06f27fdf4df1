-- Removes a job from the set of ended jobs whose webhook is not queued yet. Changes nothing if a later round of deliveries has begun.
if (redis.call('HGET', job, 'webhookRound') or '0') ~= round then return {'stale'} end
redis.call('ZREM', ended, jobId)
return {'taken'}
