-- Appends a line to the job's log, as an event. An attempt numbers its lines in ascending order. A line whose number is not higher than the
-- last number of this attempt is not appended, because it was sent twice.
-- include: events, fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
if tonumber(line) <= tonumber(redis.call('HGET', job, 'lastLine') or '0') then return {'duplicate'} end
redis.call('HSET', job, 'lastLine', line)
return {'appended', appendLog(jobId, data)}
