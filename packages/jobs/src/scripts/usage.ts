// The usage of an owner, and the check of quotas. The scripts that change what an owner stores also change its usage in the same step, so
// that both always agree. The hash is `RedisKeys.usage`. The number of jobs that have not ended comes from the lists.
import type { Script } from './script.ts';

/** Names of two entries in `RedisKeys.files`: the bytes of the job's spec and of its events. No file has such a name. */
export const specEntry = ':spec';
export const eventsEntry = ':events';

/**
 * - `usageKey(record, id, owner)`: returns the key of the owner's usage, from the key of a job's, sweep's, dataset's or weights' record.
 * - `store(usage, record, bytes)`: sets the stored bytes of a record, and changes the usage by the difference.
 * - `unstore(usage, record)`: subtracts the stored bytes of a record from the usage. Call it before the record is deleted.
 * - `keep(usage, files, name, bytes)`: sets the bytes of one file of a job in `RedisKeys.files`, and changes the usage by the difference; 0
 *   removes the file. The job's spec and events are entries too.
 * - `unkeep(usage, files)`: subtracts the bytes of all files of a job from the usage, and deletes the hash `files`.
 * - `charge(usage, record, bytes)`: sets the estimated Redis memory of a job or a sweep in its record, and changes the usage by the
 *   difference.
 * - `uncharge(usage, record)`: subtracts that memory from the usage. Call it before the record is deleted.
 */
export const usageFragment = `
local function usageKey(record, id, owner)
  local tag = string.match(string.sub(record, 1, #record - #id), '^(.*}):%a+:$')
  return tag .. ':usage:' .. owner
end
local function setBytes(usage, record, field, bytes)
  local before = redis.call('HGET', record, field) or '0'
  redis.call('HSET', record, field, string.format('%.0f', bytes))
  redis.call('HINCRBY', usage, field, string.format('%.0f', bytes - before))
end
local function subtractBytes(usage, record, field)
  local bytes = redis.call('HGET', record, field)
  if bytes and bytes ~= '0' then redis.call('HINCRBY', usage, field, '-' .. bytes) end
end
local function store(usage, record, bytes) setBytes(usage, record, 'storedBytes', bytes) end
local function unstore(usage, record) subtractBytes(usage, record, 'storedBytes') end
local function charge(usage, record, bytes) setBytes(usage, record, 'redisBytes', bytes) end
local function uncharge(usage, record) subtractBytes(usage, record, 'redisBytes') end
local function keep(usage, files, name, bytes)
  local before = redis.call('HGET', files, name) or '0'
  if tonumber(bytes) > 0 then redis.call('HSET', files, name, string.format('%.0f', bytes)) else redis.call('HDEL', files, name) end
  redis.call('HINCRBY', usage, 'storedBytes', string.format('%.0f', bytes - before))
end
local function unkeep(usage, files)
  local all = 0
  for _, bytes in ipairs(redis.call('HVALS', files)) do all = all + bytes end
  if all > 0 then redis.call('HINCRBY', usage, 'storedBytes', string.format('-%.0f', all)) end
  redis.call('UNLINK', files)
end
`;

/**
 * - `used(usage, owner)`: returns the number of jobs that have not ended, including those that sweeps have yet to create; stored bytes;
 *   seconds trained on this UTC day; seconds until the next UTC day; estimated bytes of Redis memory.
 * - `overQuota(usage, owner, quotas, jobs, bytes, redisBytes)`: checks whether so many more jobs, stored bytes and bytes of Redis memory
 *   are allowed. Returns nil, or the reply `{'overQuota', quota, its limit, current usage, seconds to wait}`, from which `refuseOverQuota`
 *   makes a `QuotaExceededError`. `quotas` is JSON and omits quotas without a limit. `redisBytes` may be nil.
 */
export const quotaFragment = `
local function used(usage, owner)
  local lists = string.sub(usage, 1, #usage - #owner - 7) .. ':list:' .. owner .. ':'
  local kept = redis.call('HMGET', usage, 'plannedJobs', 'storedBytes', 'trainedSeconds', 'trainedDay', 'redisBytes')
  local jobs = tonumber(kept[1] or 0)
  for _, status in ipairs({'queued', 'running', 'pausing', 'paused', 'cancelling'}) do
    jobs = jobs + redis.call('ZCARD', lists .. status .. ':')
  end
  local now = tonumber(redis.call('TIME')[1])
  local day = math.floor(now / 86400)
  local seconds = kept[4] == tostring(day) and tonumber(kept[3]) or 0
  return jobs, tonumber(kept[2] or 0), seconds, (day + 1) * 86400 - now, tonumber(kept[5] or 0)
end
local function overQuota(usage, owner, quotas, jobs, bytes, redisBytes)
  local limits = cjson.decode(quotas)
  if next(limits) == nil then return nil end
  local queued, stored, seconds, wait, charged = used(usage, owner)
  local function over(name, amount, after) return {'overQuota', name, tostring(limits[name]), tostring(amount), after} end
  if jobs > 0 and limits.queuedJobs and queued + jobs > limits.queuedJobs then return over('queuedJobs', queued, 30) end
  if jobs > 0 and limits.trainingSeconds and seconds >= limits.trainingSeconds then return over('trainingSeconds', seconds, wait) end
  if limits.storageBytes and (stored >= limits.storageBytes or stored + bytes > limits.storageBytes) then
    return over('storageBytes', string.format('%.0f', stored), 0)
  end
  if redisBytes and limits.redisBytes and charged + redisBytes > limits.redisBytes then
    return over('redisBytes', string.format('%.0f', charged), 0)
  end
  return nil
end
`;

/**
 * - KEYS: usage.
 * - ARGV: owner.
 * - Replies: `used`, then the values of `used` in `quotaFragment`.
 */
export const readUsage: Script = {
  name: 'trainyardReadUsage',
  lua: `${quotaFragment}
local jobs, bytes, seconds, wait, redisBytes = used(KEYS[1], ARGV[1])
return {'used', jobs, string.format('%.0f', bytes), tostring(seconds), wait, string.format('%.0f', redisBytes)}
`,
};
