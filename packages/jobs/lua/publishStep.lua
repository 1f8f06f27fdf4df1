-- Publishes a step to clients that follow the job, and stores it as the progress in the job's record. A worker that takes over the job may
-- train some epochs again. Steps of epochs that are already in the history are not published, so that clients never see the progress go
-- back.
-- include: fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
if tonumber(epoch) <= tonumber(redis.call('HGET', job, 'lastEpoch')) then return {'duplicate'} end
redis.call('HSET', job, 'progress', progress)
redis.call('PUBLISH', keys.eventChannel, '{"jobId":"' .. jobId .. '","event":"step","data":' .. data .. '}')
return {'published'}
