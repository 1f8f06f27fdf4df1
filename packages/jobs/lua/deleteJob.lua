-- Deletes a finished job: its record, its events, its idempotency key and its entries in the lists. The same step schedules the removal of
-- its files, so that they are removed even after a crash.
-- include: lists, usage
local status = redis.call('HGET', job, 'status')
if not status then return {'missing'} end
if not constants.isFinal[status] then return {'refused', status} end
changeLists('ZREM', jobId, status)
changeLists('ZREM', jobId, '*')
local usage = keys.usage(redis.call('HGET', job, 'owner'))
removeFiles(usage, files)
subtractMemory(usage, job)
redis.call('ZADD', reservedFiles, nowMs, jobId)
local idempotency = redis.call('HGET', job, 'idempotencyKey')
local remembered = idempotency and redis.call('GET', idempotency)
if remembered and string.sub(remembered, -#jobId) == jobId then redis.call('UNLINK', idempotency) end
redis.call('UNLINK', job, events)
return {'deleted'}
