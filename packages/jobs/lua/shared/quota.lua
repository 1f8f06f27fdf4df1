-- The check of an owner's quotas.

-- Returns the number of jobs that have not ended, including those that sweeps have yet to create; stored bytes; seconds trained on this UTC
-- day; seconds until the next UTC day; estimated bytes of Redis memory.
local function used(owner)
  local kept = redis.call('HMGET', keys.usage(owner), 'plannedJobs', 'storedBytes', 'trainedSeconds', 'trainedDay', 'redisBytes')
  local jobs = tonumber(kept[1] or 0)
  for _, status in ipairs({'queued', 'running', 'pausing', 'paused', 'cancelling'}) do
    jobs = jobs + redis.call('ZCARD', keys.list(owner, status, ''))
  end
  local now = tonumber(redis.call('TIME')[1])
  local day = math.floor(now / 86400)
  local seconds = kept[4] == tostring(day) and tonumber(kept[3]) or 0
  return jobs, tonumber(kept[2] or 0), seconds, (day + 1) * 86400 - now, tonumber(kept[5] or 0)
end

-- Checks whether an owner may have `jobs` more jobs, `bytes` more stored bytes and `redisBytes` more bytes of Redis memory. Returns nil if
-- it may, else the reply {'overQuota', quota, its limit, current usage, seconds to wait}. `quotas` is JSON and omits quotas without a
-- limit. `redisBytes` may be nil.
local function overQuota(owner, quotas, jobs, bytes, redisBytes)
  local limits = cjson.decode(quotas)
  if next(limits) == nil then return nil end
  local queued, stored, seconds, wait, memory = used(owner)
  local function over(name, amount, after) return {'overQuota', name, tostring(limits[name]), tostring(amount), after} end
  if jobs > 0 and limits.queuedJobs and queued + jobs > limits.queuedJobs then return over('queuedJobs', queued, 30) end
  if jobs > 0 and limits.trainingSeconds and seconds >= limits.trainingSeconds then return over('trainingSeconds', seconds, wait) end
  if limits.storageBytes and (stored >= limits.storageBytes or stored + bytes > limits.storageBytes) then
    return over('storageBytes', string.format('%.0f', stored), 0)
  end
  if redisBytes and limits.redisBytes and memory + redisBytes > limits.redisBytes then
    return over('redisBytes', string.format('%.0f', memory), 0)
  end
  return nil
end
