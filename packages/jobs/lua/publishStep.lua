-- Publishes a step to clients that follow the job. Only the record's progress keeps it. Steps of an epoch that is already in the history are
-- not published, so that clients do not see progress go back when a job is taken over.
-- include: fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
if tonumber(epoch) <= tonumber(redis.call('HGET', job, 'lastEpoch')) then return {'duplicate'} end
redis.call('HSET', job, 'progress', progress)
redis.call('PUBLISH', keys.eventChannel, '{"jobId":"' .. jobId .. '","event":"step","data":' .. data .. '}')
return {'published'}
