-- The redeliver action: sends a job's webhook again, whatever its state. It begins a new round. A running delivery of an earlier round is the
-- last of its round.
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
