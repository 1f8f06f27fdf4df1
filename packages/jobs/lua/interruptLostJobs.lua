-- Adds running jobs with an expired lease to the interrupted jobs, so that workers take them over. Checks a limited number of jobs, because
-- a script blocks all other commands of Redis. Returns the id after which the next call begins ('' = all jobs are checked), and the ids of
-- the added jobs.
-- include: waiting
local page = redis.call('ZRANGEBYLEX', running, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, pageSize)
local added = {}
for _, jobId in ipairs(page) do
  if redis.call('EXISTS', keys.lease(jobId)) == 0 and not redis.call('ZSCORE', interrupted, jobId) then
    interrupt(jobId)
    table.insert(added, jobId)
  end
end
return {#page == tonumber(pageSize) and page[#page] or '', added}
