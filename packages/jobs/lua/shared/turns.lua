-- Decides which job starts next. The API keys with waiting jobs take turns: in its turn, a key starts as many jobs as its weight.

-- The maximum number of wake-ups in BullMQ's queue. More are not needed, because each worker that takes a job adds missing ones.
local mostWakeUps = 50

local function valuesOf(hash, fields)
  local values = {}
  -- In pages, because unpack fails for more than a few thousand values.
  for from = 1, #fields, 1000 do
    local page = redis.call('HMGET', hash, unpack(fields, from, math.min(from + 999, #fields)))
    for _, value in ipairs(page) do table.insert(values, value) end
  end
  return values
end

-- Returns the API keys with waiting jobs, in the order of their turns. The key whose last turn ended first is first.
local function waitingKeys()
  local found = {}
  local owners = redis.call('ZRANGE', keys.waitingOwners, 0, -1)
  local weights, starts = valuesOf(keys.keyWeights, owners), valuesOf(keys.startsLeft, owners)
  local turns = valuesOf(keys.lastTurns, owners)
  for at, owner in ipairs(owners) do
    local weight = tonumber(weights[at] or 1)
    found[at] = {
      owner = owner, at = at, weight = weight, left = math.min(tonumber(starts[at] or weight), weight),
      last = tonumber(turns[at] or 0),
      waiting = redis.call('ZCARD', keys.waitingOf(owner)),
    }
  end
  table.sort(found, function(a, b)
    if a.last ~= b.last then return a.last < b.last end
    return a.at < b.at
  end)
  return found
end

-- Returns the API key whose job starts next; nil if no job waits. For each key, the number of running jobs is divided by the key's weight
-- and rounded down. The key with the smallest result is returned; of several such keys, the first in the order of turns.
local function nextKey()
  local best
  for _, key in ipairs(waitingKeys()) do
    local running = 0
    for _, status in ipairs({'running', 'pausing', 'cancelling'}) do
      running = running + redis.call('ZCARD', keys.list(key.owner, status, ''))
    end
    key.share = math.floor(running / key.weight)
    if not best or key.share < best.share then best = key end
  end
  return best
end

-- Counts a started job. The turn of a key ends when it has started as many jobs as its weight.
local function countStart(owner)
  local weight = tonumber(redis.call('HGET', keys.keyWeights, owner) or 1)
  local left = math.min(tonumber(redis.call('HGET', keys.startsLeft, owner) or weight), weight) - 1
  if left > 0 then
    redis.call('HSET', keys.startsLeft, owner, left)
  else
    redis.call('HDEL', keys.startsLeft, owner)
    redis.call('HSET', keys.lastTurns, owner, redis.call('HINCRBY', keys.lastTurns, '*', 1))
  end
end

local function startsWithin(key, turns)
  if turns == 0 then return 0 end
  return math.min(key.waiting, key.left + (turns - 1) * key.weight)
end

-- Returns how many jobs start before this one if the keys take turns, plus 1; 0 if the job does not wait. `waiting` is the result of
-- `waitingKeys`.
local function positionOf(waiting, jobId, owner)
  local first = redis.call('ZRANK', keys.interrupted, jobId)
  if first then return first + 1 end
  local rank = redis.call('ZRANK', keys.waitingOf(owner), jobId)
  if not rank then return 0 end
  local own
  for _, key in ipairs(waiting) do if key.owner == owner then own = key end end
  local turns = 0
  if rank >= own.left then turns = 1 + math.floor((rank - own.left) / own.weight) end
  local before, isAhead = rank, true
  for _, key in ipairs(waiting) do
    if key == own then isAhead = false
    else before = before + startsWithin(key, isAhead and turns + 1 or turns) end
  end
  return redis.call('ZCARD', keys.interrupted) + before + 1
end

-- Returns how many wake-ups to add to BullMQ's queue.
local function missingWakeUps()
  local waiting = redis.call('ZCARD', keys.list('*', 'queued', '')) + redis.call('ZCARD', keys.interrupted)
  local there = redis.call('LLEN', keys.wakeUps) + redis.call('ZCARD', keys.prioritizedWakeUps)
  return math.max(0, math.min(waiting, mostWakeUps) - there)
end
