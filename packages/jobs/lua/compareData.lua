-- Compares the data that an attempt found with the data that the job was created for. If they differ, the job loses its reuse key for good:
-- no later request gets this job instead of a new one.
-- include: lists, fence
local status = statusOfCurrent(job, attempt)
if not status then return {'stale'} end
local record = redis.call('HMGET', job, 'dataDigest', 'reuseKey', 'labels')
local reuseKey, labels = record[2], record[3]
if not reuseKey or record[1] == dataDigest then return {'same'} end
changeLists('ZREM', jobId, '*')
changeLists('ZREM', jobId, status)
local kept = {}
for _, label in ipairs(cjson.decode(labels)) do
  -- The label that the function `reuseLabel` in src/reuse.ts returns for this key.
  if label ~= '\127' .. reuseKey then table.insert(kept, label) end
end
if #kept == 0 then redis.call('HDEL', job, 'labels') else redis.call('HSET', job, 'labels', cjson.encode(kept)) end
redis.call('HDEL', job, 'reuseKey')
changeLists('ZADD', jobId, '*')
changeLists('ZADD', jobId, status)
return {'other'}
