-- Returns the time of Redis in ms, so that all processes have the same time.
local function redisTimeMs()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
