// Decides which job starts next. Each API key (`owner`) has its own set of waiting jobs. The keys take turns: in its turn, a key starts as
// many jobs as its weight. These Lua fragments keep that order and read it. Their Redis keys are those of `RedisKeys`.

/** Most wake-ups in BullMQ's queue. More are not needed, because each worker that takes a job adds missing ones. */
const wakeUpsKept = 50;

/**
 * `job` is the key of the job's record.
 * - `tagOf(job, jobId)`: returns the hash tag of that key.
 * - `wait(job, jobId, since)`: adds the job to the waiting jobs of its API key: highest priority first, then lowest `since` (ms).
 * - `interrupt(job, jobId)`: adds the job to the interrupted jobs. They start before all waiting jobs.
 * - `leaveQueue(job, jobId)`: removes the job from both. Returns whether it was among the waiting jobs.
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
 * - `waitingKeys(tag)`: returns the API keys with waiting jobs, in the order of their turns. The key whose last turn ended first is first.
 * - `nextKey(tag)`: returns the API key whose job starts next; nil if no job waits. It is the key with the smallest number of running jobs
 *   divided by its weight and rounded down. If several have the smallest number, it is the first of them in the order of turns.
 * - `countStart(tag, owner)`: counts a started job. The turn of a key ends when it has started as many jobs as its weight.
 * - `positionOf(tag, keys, jobId, owner)`: returns how many jobs start before this one if the keys take turns, plus 1; 0 if the job does
 *   not wait. `keys` is the result of `waitingKeys`.
 * - `missingWakeUps(tag)`: returns how many wake-ups to add to BullMQ's queue.
 */
export const turnsFragment = `
local function valuesOf(hash, fields)
  local values = {}
  -- In pages, because unpack fails for more than a few thousand values.
  for from = 1, #fields, 1000 do
    local page = redis.call('HMGET', hash, unpack(fields, from, math.min(from + 999, #fields)))
    for _, value in ipairs(page) do table.insert(values, value) end
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
