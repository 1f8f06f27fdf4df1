// Pieces of Lua that several scripts begin with. A script is one text to Redis, so sharing means putting texts together.
import { eventMemory, recordMemory } from '../redisBytes.ts';
import { eventsEntry, usageFragment } from './usage.ts';

/**
 * - `append(events, channel, jobId, event, data)`: adds an event to the job's stream, publishes it, and returns its id. `data` is JSON.
 * - `countEvents(events, jobId, bytes)`: adds bytes of events to the job's files and to its owner's storage. A negative number subtracts
 *   at most what was counted, because version 0.1.0 did not count events. The keys are `RedisKeys.files` and `RedisKeys.usage`.
 */
export const appendFragment = `
local function countEvents(events, jobId, bytes)
  local tag = string.sub(events, 1, #events - #jobId - 8)
  local owner = redis.call('HGET', tag .. ':job:' .. jobId, 'owner')
  if not owner then return end
  local files = tag .. ':files:' .. jobId
  if bytes < 0 then bytes = math.max(bytes, 0 - (redis.call('HGET', files, '${eventsEntry}') or 0)) end
  redis.call('HINCRBY', files, '${eventsEntry}', bytes)
  redis.call('HINCRBY', tag .. ':usage:' .. owner, 'storedBytes', bytes)
end
local function append(events, channel, jobId, event, data)
  local id = redis.call('XADD', events, '*', 'event', event, 'data', data)
  countEvents(events, jobId, #data)
  redis.call('PUBLISH', channel, '{"jobId":"' .. jobId .. '","id":"' .. id .. '","event":"' .. event .. '","data":' .. data .. '}')
  return id
end
`;

/** Log events that a job keeps. */
const keptLogs = 10_000;

/**
 * `log(record, events, channel, jobId, data)`: appends a log event. A job keeps its newest 10,000 log events; events of other types are
 * never removed. At the first removal, a notice is appended as a log event, and the notice is kept. The record holds the number of log
 * events (`logs`) and the id of the last removed one (`logsFrom`), so that no entry is scanned twice. Needs `appendFragment`.
 */
export const logFragment = `
local function eachLog(events, from, visit)
  local start = from
  repeat
    local entries = redis.call('XRANGE', events, start, '+', 'COUNT', 20)
    for _, entry in ipairs(entries) do
      if entry[2][2] == 'log' and visit(entry[1], #entry[2][4]) then return end
      start = '(' .. entry[1]
    end
  until #entries < 20
end
local function log(record, events, channel, jobId, data)
  local id = append(events, channel, jobId, 'log', data)
  local kept = redis.call('HMGET', record, 'logs', 'logsFrom', 'logsNotice')
  local count = 0
  if kept[1] then count = tonumber(kept[1]) + 1
  else eachLog(events, '-', function() count = count + 1 end) end
  if count > ${keptLogs} and not kept[3] then
    kept[3] = append(events, channel, jobId, 'log', '{"jobId":"' .. jobId .. '","level":"warn","message":"This job has more than ${keptLogs} log events: from here on each new one replaces the oldest."}')
    redis.call('HSET', record, 'logsNotice', kept[3])
    count = count + 1
  end
  while count > ${keptLogs} do
    local oldest, bytes
    eachLog(events, kept[2] and '(' .. kept[2] or '-', function(logId, size)
      if logId ~= kept[3] then oldest, bytes = logId, size end
      return oldest
    end)
    if not oldest then break end
    redis.call('XDEL', events, oldest)
    countEvents(events, jobId, -bytes)
    redis.call('HSET', record, 'logsFrom', oldest)
    kept[2], count = oldest, count - 1
  end
  redis.call('HSET', record, 'logs', string.format('%.0f', count))
  return id
end
`;

/**
 * `lists(command, job, jobId, status)`: adds a job to its lists (`ZADD`) or removes it from them (`ZREM`). A job is in the lists of all
 * owners and of its own, each without a label and with each of its labels. `status` selects the lists of a status; '*' those of all
 * statuses. The keys are those of `RedisKeys.list`.
 */
export const listsFragment = `
local function lists(command, job, jobId, status)
  local tag = string.sub(job, 1, #job - #jobId - 5)
  local record = redis.call('HMGET', job, 'owner', 'labels')
  local labels = record[2] and cjson.decode(record[2]) or {}
  for _, owner in ipairs({'*', record[1]}) do
    local list = tag .. ':list:' .. owner .. ':' .. status .. ':'
    for at = 0, #labels do
      local key = list .. (labels[at] or '')
      if command == 'ZADD' then redis.call('ZADD', key, 0, jobId) else redis.call('ZREM', key, jobId) end
    end
  end
end
`;

/**
 * - `enter(job, events, channel, jobId, status)`: sets the status and appends its event. Deletes the lease if no worker has the job in the
 *   new status.
 * - `finish(job, events, channel, jobId, status, now, error)`: the same for a final status. Records the time and the id of the final event,
 *   adds the job to the totals, and replaces its estimated memory by that of the events that it has. Publishes the end of a job that has a
 *   webhook or a sweep. `error` is JSON, or nil. Every script that calls it has `RedisKeys.ending` as its last keys.
 * The fragment includes `usageFragment`.
 */
export const statusFragment = `${usageFragment}${appendFragment}${logFragment}${listsFragment}
local hasWorker = { running = true, pausing = true, cancelling = true }
local function become(job, jobId, status)
  local before = redis.call('HGET', job, 'status')
  if before then lists('ZREM', job, jobId, before) end
  if hasWorker[before] and not hasWorker[status] then
    redis.call('DEL', string.sub(job, 1, #job - #jobId - 5) .. ':lease:' .. jobId)
  end
  redis.call('HSET', job, 'status', status)
  lists('ZADD', job, jobId, status)
end
local function enter(job, events, channel, jobId, status)
  become(job, jobId, status)
  return append(events, channel, jobId, 'status', '{"jobId":"' .. jobId .. '","status":"' .. status .. '"}')
end
local function settleMemory(job, events, jobId)
  local charged = redis.call('HMGET', job, 'redisBytes', 'owner')
  if not charged[1] then return end
  local bytes = ${recordMemory} + redis.call('HSTRLEN', job, 'spec') + ${eventMemory} * redis.call('XLEN', events)
  charge(usageKey(job, jobId, charged[2]), job, bytes)
end
local function finish(job, events, channel, jobId, status, now, error)
  local data = '{"jobId":"' .. jobId .. '","status":"' .. status .. '"}'
  if error then
    data = '{"jobId":"' .. jobId .. '","status":"' .. status .. '","error":' .. error .. '}'
    redis.call('HSET', job, 'error', error)
  end
  redis.call('HDEL', job, 'phase')
  local id = append(events, channel, jobId, 'status', data)
  become(job, jobId, status)
  redis.call('HSET', job, 'finishedAt', now, 'finalEvent', id)
  redis.call('HINCRBY', KEYS[#KEYS - 1], status, 1)
  settleMemory(job, events, jobId)
  local ties = redis.call('HMGET', job, 'webhook', 'sweep')
  if ties[1] then redis.call('ZADD', KEYS[#KEYS], redis.call('TIME')[1] * 1000, jobId) end
  if ties[1] or ties[2] then redis.call('PUBLISH', KEYS[#KEYS], jobId) end
end
`;

/**
 * - `madeBefore(memory, digest, record, id)`: looks for an earlier request with the same idempotency key. Returns `{'replayed', its id}` if
 *   it had the same body, `{'mismatch', its id}` if it had another body, and nil if there is none or its record was deleted. `record` is
 *   the key of the new record, and `id` the end of that key.
 * - `remember(memory, digest, id, seconds)`: stores the id under the idempotency key. An empty `digest` means no idempotency key.
 */
export const idempotencyFragment = `
local function madeBefore(memory, digest, record, id)
  local seen = digest ~= '' and redis.call('GET', memory)
  if not seen then return nil end
  local space = string.find(seen, ' ', 1, true)
  local earlier = string.sub(seen, space + 1)
  if string.sub(seen, 1, space - 1) ~= digest then return {'mismatch', earlier} end
  if redis.call('EXISTS', string.sub(record, 1, #record - #id) .. earlier) == 1 then return {'replayed', earlier} end
  return nil
end
local function remember(memory, digest, id, seconds)
  if digest ~= '' then redis.call('SET', memory, digest .. ' ' .. id, 'EX', seconds) end
end
`;

/** `pause(job, events, channel, jobId)`: pauses a job and resets its count of attempts without progress. Needs `statusFragment`. */
export const pauseFragment = `
local function pause(job, events, channel, jobId)
  redis.call('HSET', job, 'fruitless', '0')
  redis.call('HDEL', job, 'phase', 'resumed')
  enter(job, events, channel, jobId, 'paused')
end
`;

/**
 * Returns `{'stale'}` from the script unless the attempt is the job's current one and a worker has the job. Expects the record in KEYS[1]
 * and the attempt number in ARGV[1]. Defines `status`.
 */
export const fenceFragment = `
local fence = redis.call('HMGET', KEYS[1], 'status', 'attempt')
local status = fence[1]
if fence[2] ~= ARGV[1] or (status ~= 'running' and status ~= 'pausing' and status ~= 'cancelling') then return {'stale'} end
`;
