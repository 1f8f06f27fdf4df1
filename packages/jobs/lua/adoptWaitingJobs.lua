-- Moves waiting jobs from the single set of version 0.1.0 to the sets of their API keys. Handles a limited number of jobs, because a script
-- blocks all other commands of Redis. Returns how many jobs are left in the set.
-- include: waiting
local entries = redis.call('ZRANGE', formerWaiting, 0, pageSize - 1, 'WITHSCORES')
for at = 1, #entries, 2 do
  local jobId, score = entries[at], entries[at + 1]
  local record = redis.call('HMGET', keys.job(jobId), 'status', 'priority')
  if record[1] == 'queued' then wait(jobId, score + (record[2] or 0) * 1e13) end
  redis.call('ZREM', formerWaiting, jobId)
end
return redis.call('ZCARD', formerWaiting)
