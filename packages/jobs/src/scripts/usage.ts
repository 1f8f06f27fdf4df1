// What an owner has and has used, kept by the scripts that change it, so that it cannot differ from what there is; and what quotas
// say to more. `RedisKeys.usage` names the hash; how many jobs have not ended, the lists say.
import type { Script } from './script.ts';

/** Among the bytes of a job's files, those of its spec and of its events. No file has such a name. */
export const specEntry = ':spec';
export const eventsEntry = ':events';

/**
 * `usageKey(record, id, owner)`: the owner's usage, by the record of a job or a sweep, dataset or weights, whose hash tag it shares.
 * `store(usage, record, bytes)`: notes in a record how many bytes are stored for it now, and in the usage by how many that is more.
 * `unstore(usage, record)`: takes them back, before the record goes.
 * `keep(usage, files, name, bytes)`: the same for one file of a job, in `RedisKeys.files`, 0 for one that is gone; `unkeep(usage, files)`
 * for all of them. The job's spec and events are entries there too.
 * `charge(usage, record, bytes)`: notes in the record of a job or a sweep how much memory of Redis is estimated for it now, and in the
 * usage by how much that is more; `uncharge(usage, record)` takes it back, before the record goes.
 */
export const usageFragment = `
local function usageKey(record, id, owner)
  local tag = string.match(string.sub(record, 1, #record - #id), '^(.*}):%a+:$')
  return tag .. ':usage:' .. owner
end
local function store(usage, record, bytes)
  local before = redis.call('HGET', record, 'storedBytes') or '0'
  redis.call('HSET', record, 'storedBytes', string.format('%.0f', bytes))
  redis.call('HINCRBY', usage, 'storedBytes', string.format('%.0f', bytes - before))
end
local function unstore(usage, record)
  local bytes = redis.call('HGET', record, 'storedBytes')
  if bytes and bytes ~= '0' then redis.call('HINCRBY', usage, 'storedBytes', '-' .. bytes) end
end
local function keep(usage, files, name, bytes)
  local before = redis.call('HGET', files, name) or '0'
  if tonumber(bytes) > 0 then redis.call('HSET', files, name, string.format('%.0f', bytes)) else redis.call('HDEL', files, name) end
  redis.call('HINCRBY', usage, 'storedBytes', string.format('%.0f', bytes - before))
end
local function charge(usage, record, bytes)
  local before = redis.call('HGET', record, 'redisBytes') or '0'
  redis.call('HSET', record, 'redisBytes', string.format('%.0f', bytes))
  redis.call('HINCRBY', usage, 'redisBytes', string.format('%.0f', bytes - before))
end
local function uncharge(usage, record)
  local bytes = redis.call('HGET', record, 'redisBytes')
  if bytes then redis.call('HINCRBY', usage, 'redisBytes', 0 - bytes) end
end
local function unkeep(usage, files)
  local all = 0
  for _, bytes in ipairs(redis.call('HVALS', files)) do all = all + bytes end
  if all > 0 then redis.call('HINCRBY', usage, 'storedBytes', string.format('-%.0f', all)) end
  redis.call('UNLINK', files)
end
`;

/**
 * `used(usage, owner)`: jobs that wait or run or are yet to be made for a sweep, bytes stored, seconds trained on this UTC day,
 * seconds until the next, and bytes of Redis. `overQuota(usage, owner, quotas, jobs, bytes, redisBytes)`: what to answer when so much more is over a quota, as
 * \`QuotaExceededError\` is made of it; else nil. \`quotas\` is JSON that lacks what is not limited. After \`usageFragment\`.
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

/** KEYS: usage. ARGV: owner. Answers used, jobs, bytes, seconds, the seconds until those begin anew, and bytes of Redis. */
export const readUsage: Script = {
  name: 'trainyardReadUsage',
  lua: `${quotaFragment}
local jobs, bytes, seconds, wait, redisBytes = used(KEYS[1], ARGV[1])
return {'used', jobs, string.format('%.0f', bytes), tostring(seconds), wait, string.format('%.0f', redisBytes)}
`,
};
