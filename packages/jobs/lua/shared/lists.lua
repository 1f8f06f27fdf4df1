-- Adds a job to its lists (`ZADD`) or removes it from them (`ZREM`). All owners together have lists, and so does each owner: one list for
-- any labels, and one for each label. `status` selects the lists of one status; '*' selects the lists of jobs in any status.
local function changeLists(command, jobId, status)
  local record = redis.call('HMGET', keys.job(jobId), 'owner', 'labels')
  local labels = record[2] and cjson.decode(record[2]) or {}
  for _, owner in ipairs({'*', record[1]}) do
    for at = 0, #labels do
      local list = keys.list(owner, status, labels[at] or '')
      if command == 'ZADD' then redis.call('ZADD', list, 0, jobId) else redis.call('ZREM', list, jobId) end
    end
  end
end
