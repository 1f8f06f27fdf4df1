// Whose job starts next. The waiting jobs are kept per key, the keys take turns, and a turn is as many starts as the key's weight.
// These pieces of Lua keep the order and read it. `RedisKeys` names what they touch, and all of it has the record's hash tag.

/** Wake-ups in BullMQ's queue at most, however many jobs wait: each worker that takes a job adds what is missing. */
const wakeUpsKept = 50;

/**
 * `wait(job, jobId, since)`: a job begins to wait for its key's turn; within the key by priority, then by `since` (ms).
 * `interrupt(job, jobId)`: a job whose run was cut off waits before all others, since its turn had begun.
 * `leaveQueue(job, jobId)`: it waits no longer. Answers whether it waited for a turn.
 * `tagOf(job, jobId)`: the hash tag, from the key of the record. `job` is that key everywhere.
 */
export const waitingFragment = `
local function tagOf(job, jobId) return string.sub(job, 1, #job - #jobId - 5) end
local function wait(job, jobId, since)
  local tag = tagOf(job, jobId)
  local record = redis.call('HMGET', job, 'owner', 'priority')
  redis.call('ZADD', tag .. ':waiting:' .. record[1], since - (record[2] or 0) * 1e13, jobId)
  if not redis.call('ZSCORE', tag .. ':waitingOwners', record[1]) then
    redis.call('ZADD', tag .. ':waitingOwners', redis.call('HINCRBY', tag .. ':lastTurns', '*', 1), record[1])
  end
end
local function interrupt(job, jobId)
  local clock = redis.call('TIME')
  redis.call('ZADD', tagOf(job, jobId) .. ':interrupted', clock[1] * 1000 + math.floor(clock[2] / 1000), jobId)
end
local function leaveQueue(job, jobId)
  local tag, owner = tagOf(job, jobId), redis.call('HGET', job, 'owner')
  redis.call('ZREM', tag .. ':interrupted', jobId)
  local waiting = tag .. ':waiting:' .. owner
  local waited = redis.call('ZREM', waiting, jobId) == 1
  if waited and redis.call('EXISTS', waiting) == 0 then redis.call('ZREM', tag .. ':waitingOwners', owner) end
  return waited
end
`;

/**
 * `waitingKeys(tag)`: the keys with waiting jobs in the order of their turns: the key whose last turn ended longest ago is first.
 * `nextKey(tag)`: the key that gets a free place, nil if no job waits: the one with the fewest running jobs, where a key of weight w
 * counts each w of them as one; among equals the one whose turn it is.
 * `countStart(tag, owner)`: a job of the key has started; after as many as its weight its turn ends.
 * `positionOf(tag, keys, jobId, owner)`: how many jobs start before this one by the turns of the keys, plus 1; 0 if it does not wait.
 * `missingWakeUps(tag)`: how many wake-ups are to be put into BullMQ's queue.
 */
export const turnsFragment = `
local function valuesOf(hash, fields)
  local values = {}
  -- In pages, since a call takes some thousands of arguments at most.
  for from = 1, #fields, 1000 do
    for _, value in ipairs(redis.call('HMGET', hash, unpack(fields, from, math.min(from + 999, #fields)))) do table.insert(values, value) end
  end
  return values
end
local function waitingKeys(tag)
  local keys = {}
  local owners = redis.call('ZRANGE', tag .. ':waitingOwners', 0, -1)
  local weights, starts = valuesOf(tag .. ':keyWeights', owners), valuesOf(tag .. ':startsLeft', owners)
  local turns = valuesOf(tag .. ':lastTurns', owners)
  for at, owner in ipairs(owners) do
    local weight = tonumber(weights[at] or 1)
    keys[at] = {
      owner = owner, at = at, weight = weight, left = math.min(tonumber(starts[at] or weight), weight),
      last = tonumber(turns[at] or 0),
      waiting = redis.call('ZCARD', tag .. ':waiting:' .. owner),
    }
  end
  table.sort(keys, function(a, b)
    if a.last ~= b.last then return a.last < b.last end
    return a.at < b.at
  end)
  return keys
end
local function nextKey(tag)
  local best
  for _, key in ipairs(waitingKeys(tag)) do
    local running = 0
    for _, status in ipairs({'running', 'pausing', 'cancelling'}) do
      running = running + redis.call('ZCARD', tag .. ':list:' .. key.owner .. ':' .. status .. ':')
    end
    key.share = math.floor(running / key.weight)
    if not best or key.share < best.share then best = key end
  end
  return best
end
local function countStart(tag, owner)
  local weight = tonumber(redis.call('HGET', tag .. ':keyWeights', owner) or 1)
  local left = math.min(tonumber(redis.call('HGET', tag .. ':startsLeft', owner) or weight), weight) - 1
  if left > 0 then
    redis.call('HSET', tag .. ':startsLeft', owner, left)
  else
    redis.call('HDEL', tag .. ':startsLeft', owner)
    redis.call('HSET', tag .. ':lastTurns', owner, redis.call('HINCRBY', tag .. ':lastTurns', '*', 1))
  end
end
local function startsWithin(key, turns)
  if turns == 0 then return 0 end
  return math.min(key.waiting, key.left + (turns - 1) * key.weight)
end
local function positionOf(tag, keys, jobId, owner)
  local first = redis.call('ZRANK', tag .. ':interrupted', jobId)
  if first then return first + 1 end
  local rank = redis.call('ZRANK', tag .. ':waiting:' .. owner, jobId)
  if not rank then return 0 end
  local own
  for _, key in ipairs(keys) do if key.owner == owner then own = key end end
  local turns = 0
  if rank >= own.left then turns = 1 + math.floor((rank - own.left) / own.weight) end
  local before, isAhead = rank, true
  for _, key in ipairs(keys) do
    if key == own then isAhead = false
    else before = before + startsWithin(key, isAhead and turns + 1 or turns) end
  end
  return redis.call('ZCARD', tag .. ':interrupted') + before + 1
end
local function missingWakeUps(tag)
  local waiting = redis.call('ZCARD', tag .. ':list:*:queued:') + redis.call('ZCARD', tag .. ':interrupted')
  local there = redis.call('LLEN', tag .. ':train:wait') + redis.call('ZCARD', tag .. ':train:prioritized')
  return math.max(0, math.min(waiting, ${wakeUpsKept}) - there)
end
`;
