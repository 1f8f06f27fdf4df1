-- Records the job's last checkpoint and appends its event. Only the current attempt may do this. A checkpoint that is further than the last
-- one resets the count of attempts without progress.
-- include: events, usage, fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
local record = redis.call('HMGET', job, 'lastEpoch', 'checkpointFile', 'checkpoint', 'owner')
local lastEpoch, lastFile, last, owner = record[1], record[2], record[3], record[4]
epoch, step = tonumber(epoch), tonumber(step)
if epoch > tonumber(lastEpoch) then return {'gap', tonumber(lastEpoch)} end
if lastFile == file then return {'stored', ''} end
local before = last and cjson.decode(last)
if not before or epoch > before.epoch or (epoch == before.epoch and step > before.step) then
  redis.call('HSET', job, 'fruitless', '0')
end
redis.call('HSET', job, 'checkpointFile', file, 'checkpoint', checkpoint)
local usage = keys.usage(owner)
if lastFile then setFile(usage, files, lastFile, 0) end
setFile(usage, files, file, cjson.decode(checkpoint).bytes)
append(jobId, 'checkpoint', data)
return {'stored', lastFile or ''}
