-- Records the state of one round of a webhook's deliveries, unless a later round has begun or the job was deleted.
if redis.call('EXISTS', job) == 0 then return {'stale'} end
if (redis.call('HGET', job, 'webhookRound') or '0') ~= round then return {'stale'} end
redis.call('HSET', job, 'webhookState', state)
return {'written'}
