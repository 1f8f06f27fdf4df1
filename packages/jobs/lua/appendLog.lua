-- Appends a line to the job's log, as an event. A line with a number is appended once: an attempt numbers its lines in ascending order.
-- include: events, fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
if line ~= '' then
  if tonumber(line) <= tonumber(redis.call('HGET', job, 'lastLine') or '0') then return {'duplicate'} end
  redis.call('HSET', job, 'lastLine', line)
end
return {'appended', appendLog(jobId, data)}
