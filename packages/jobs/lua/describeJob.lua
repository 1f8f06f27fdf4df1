-- Changes the name, the labels and the notes of a job. The name and the labels are part of its spec. `specBefore` and `notesBefore` are the
-- texts that the caller has read: if another request has changed them since, nothing changes. The same step updates the lists of the labels
-- and the owner's usage.
-- include: lists, quota, usage
local record = redis.call('HMGET', job, 'status', 'owner', 'spec', 'notes', 'redisBytes')
local status, owner = record[1], record[2]
if not status then return {'missing'} end
if record[3] ~= specBefore or (record[4] or '') ~= notesBefore then return {'changed'} end
local more = #spec + #notes - #specBefore - #notesBefore
local over = more > 0 and overQuota(owner, quotas, 0, more, more)
if over then return over end
changeLists('ZREM', jobId, status)
changeLists('ZREM', jobId, '*')
redis.call('HSET', job, 'spec', spec, 'labels', labels)
if notes == '' then redis.call('HDEL', job, 'notes') else redis.call('HSET', job, 'notes', notes) end
changeLists('ZADD', jobId, status)
changeLists('ZADD', jobId, '*')
local usage = keys.usage(owner)
setFile(usage, files, constants.specEntry, #spec + #notes)
setMemory(usage, job, (record[5] or 0) + more)
return {'described'}
