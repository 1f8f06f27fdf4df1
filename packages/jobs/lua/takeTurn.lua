-- Limits the rate of a caller by the generic cell rate algorithm (ITU-T I.371). Stores one time per caller. Used turns become free one by
-- one, not all together at the end of a window. The reply `refused` contains the time until the next free turn (ms).
-- include: clock
local now = redisTimeMs()
local turn = 60000 / perMinute
local full = math.max(tonumber(redis.call('GET', state) or now), now) + turn
if full - now > 60000 then return {'refused', math.ceil(full - now - 60000)} end
redis.call('SET', state, string.format('%.3f', full), 'PX', math.ceil(full - now))
return {'allowed'}
