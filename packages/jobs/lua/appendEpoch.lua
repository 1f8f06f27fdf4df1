-- Appends an epoch to the job's history, exactly once. Calls of earlier attempts are refused. If a later attempt trains the epoch again,
-- nothing changes.
-- include: events, fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
local last = tonumber(redis.call('HGET', job, 'lastEpoch'))
if tonumber(epoch) <= last then return {'duplicate'} end
if tonumber(epoch) > last + 1 then return {'gap', last} end
redis.call('HSET', job, 'lastEpoch', epoch, 'fruitless', '0', 'latest', metrics, 'progress', progress)
redis.call('HINCRBY', totals, 'epochs', 1)
redis.call('HINCRBY', totals, 'samples', samples)
redis.call('HINCRBYFLOAT', totals, 'seconds', seconds)
local usage = keys.usage(redis.call('HGET', job, 'owner'))
local day = string.format('%.0f', math.floor(redis.call('TIME')[1] / 86400))
if redis.call('HGET', usage, 'trainedDay') ~= day then redis.call('HSET', usage, 'trainedDay', day, 'trainedSeconds', '0') end
redis.call('HINCRBYFLOAT', usage, 'trainedSeconds', seconds)
return {'appended', append(jobId, 'epoch', data)}
