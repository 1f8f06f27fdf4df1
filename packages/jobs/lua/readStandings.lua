-- Returns one list with three values for each job: the status, the progress and the last metrics. All three are null if the job does not
-- exist.
local standings = {}
for _, jobId in ipairs(jobIds) do
  for _, value in ipairs(redis.call('HMGET', keys.job(jobId), 'status', 'progress', 'latest')) do
    standings[#standings + 1] = value
  end
end
return standings
