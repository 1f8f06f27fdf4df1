-- Returns the position of each job in the queue. 1: the job starts next. 0: the job does not wait.
-- include: turns
local waiting = waitingKeys()
local positions = {}
for at, jobId in ipairs(jobIds) do
  local owner = redis.call('HGET', keys.job(jobId), 'owner')
  positions[at] = owner and positionOf(waiting, jobId, owner) or 0
end
return positions
