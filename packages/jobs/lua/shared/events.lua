-- The events of a job.

-- A job keeps its newest log events. Events of other types are never removed.
local keptLogs = 10000

-- Adds bytes of events to the job's files and to its owner's storage. A negative number subtracts at most what was counted, because version
-- 0.1.0 did not count events.
local function countEvents(jobId, bytes)
  local owner = redis.call('HGET', keys.job(jobId), 'owner')
  if not owner then return end
  local files = keys.files(jobId)
  if bytes < 0 then bytes = math.max(bytes, 0 - (redis.call('HGET', files, constants.eventsEntry) or 0)) end
  redis.call('HINCRBY', files, constants.eventsEntry, bytes)
  redis.call('HINCRBY', keys.usage(owner), 'storedBytes', bytes)
end

-- Adds an event to the job's stream, publishes it, and returns its id. `data` is JSON.
local function append(jobId, event, data)
  local id = redis.call('XADD', keys.events(jobId), '*', 'event', event, 'data', data)
  countEvents(jobId, #data)
  redis.call('PUBLISH', keys.eventChannel, '{"jobId":"' .. jobId .. '","id":"' .. id .. '","event":"' .. event .. '","data":' .. data .. '}')
  return id
end

-- Calls `visit` with the id and the size of each log event after `from`, until it returns a true value. The next log event is often near,
-- so the first read is short. Each further read is longer.
local function eachLog(events, from, visit)
  local start, count, isLast = from, 20, false
  repeat
    local entries = redis.call('XRANGE', events, start, '+', 'COUNT', count)
    isLast, count = #entries < count, math.min(5 * count, 2000)
    for _, entry in ipairs(entries) do
      if entry[2][2] == 'log' and visit(entry[1], #entry[2][4]) then return end
      start = '(' .. entry[1]
    end
  until isLast
end

-- Appends a log event. If the job then has too many, removes the oldest one. Before the first removal, appends a log event as a notice for
-- users, which is never removed. The record holds the number of log events (`logs`) and the id of the last removed one (`logsFrom`), so
-- that no entry is scanned twice.
local function appendLog(jobId, data)
  local job, events = keys.job(jobId), keys.events(jobId)
  local id = append(jobId, 'log', data)
  local kept = redis.call('HMGET', job, 'logs', 'logsFrom', 'logsNotice')
  local count, from, notice = 0, kept[2], kept[3]
  if kept[1] then count = tonumber(kept[1]) + 1
  else eachLog(events, '-', function() count = count + 1 end) end
  if count > keptLogs and not notice then
    notice = append(jobId, 'log', '{"jobId":"' .. jobId .. '","level":"warn","message":"This job has more than ' .. keptLogs .. ' log events. From now on each new log event removes the oldest one."}')
    redis.call('HSET', job, 'logsNotice', notice)
    count = count + 1
  end
  while count > keptLogs do
    local oldest, bytes
    eachLog(events, from and '(' .. from or '-', function(logId, size)
      if logId ~= notice then oldest, bytes = logId, size end
      return oldest
    end)
    if not oldest then break end
    redis.call('XDEL', events, oldest)
    countEvents(jobId, -bytes)
    redis.call('HSET', job, 'logsFrom', oldest)
    from, count = oldest, count - 1
  end
  redis.call('HSET', job, 'logs', string.format('%.0f', count))
  return id
end
