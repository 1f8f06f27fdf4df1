-- The redeliver action: begins a new round of deliveries of a job's webhook, whatever the state of the webhook. If a delivery of an earlier
-- round is running, it is not retried.
local record = redis.call('HMGET', job, 'status', 'webhook')
local status, webhook = record[1], record[2]
if not status then return {'missing'} end
if not webhook then return {'none'} end
if not constants.isFinal[status] then return {'refused', status} end
redis.call('HINCRBY', job, 'webhookRound', 1)
redis.call('HSET', job, 'webhookState', state)
redis.call('DEL', gone)
redis.call('ZADD', ended, redis.call('TIME')[1] * 1000, jobId)
redis.call('PUBLISH', ended, jobId)
return {'accepted'}
