-- Creates a job in one step: its record, its idempotency key, its entries in the lists and in the queue, and its first event. If the job's
-- id was reserved, the job already has files. It may also have copied events, which were set to expire. They are now kept. Sending the same
-- call twice creates one job.
-- include: status, waiting, turns, idempotency, quota, uploads
local function created() return {'created', jobId, positionOf(waitingKeys(), jobId, owner), missingWakeUps()} end
if redis.call('EXISTS', job) == 1 then return created() end
local before = madeBefore(idempotency, digest, keys.job)
if before then return before end
if datasetId ~= '' and redis.call('EXISTS', dataset) == 0 then return {'noDataset', datasetId} end
local bytesOf, bytes = cjson.decode(fileBytes), 0
for _, size in pairs(bytesOf) do bytes = bytes + size end
local over = overQuota(owner, quotas, 1, bytes, tonumber(redisBytes))
if over then return over end
if isReserved == '1' and redis.call('ZREM', reservedFiles, jobId) == 0 then return {'expired', jobId} end
remember(idempotency, digest, jobId, idempotencySeconds)
redis.call('HSET', job, 'attempt', '0', 'fruitless', '0', 'priority', priority, unpack(record))
if digest ~= '' then redis.call('HSET', job, 'idempotencyKey', idempotency) end
local usage = keys.usage(owner)
setMemory(usage, job, redisBytes)
for name, size in pairs(bytesOf) do setFile(usage, files, name, size) end
local sweepId = redis.call('HGET', job, 'sweep')
if sweepId then
  -- The quota counted the jobs of the first rung when the sweep was created. Jobs of later rungs were not counted then.
  local sweep = keys.sweep(sweepId)
  if tonumber(redis.call('HGET', sweep, 'plannedJobs') or 0) > 0 then
    redis.call('HINCRBY', sweep, 'plannedJobs', -1)
    redis.call('HINCRBY', usage, 'plannedJobs', -1)
  end
end
if datasetId ~= '' then addUser(datasetUsers, jobId) end
redis.call('PERSIST', events)
changeLists('ZADD', jobId, '*')
wait(jobId, nowMs)
enter(jobId, 'queued')
return created()
