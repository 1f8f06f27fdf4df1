-- Uses a token for an event stream. Returns the name and the digest of its API key. A token may be used for `idleSeconds` after its last
-- use, and for `afterEndMs` after the end of the job or the first use of the token, whichever is later.
local record = redis.call('HMGET', token, 'jobId', 'key', 'keyDigest', 'begunAt')
local keyName, keyDigest = record[2], record[3]
if record[1] ~= jobId then return {'refused'} end
local now = tonumber(nowMs)
local begunAt = tonumber(record[4] or now)
local final = redis.call('HGET', job, 'finalEvent')
local endedAt = final and tonumber(string.match(final, '^%d+'))
if endedAt and now > math.max(endedAt, begunAt) + tonumber(afterEndMs) then return {'refused'} end
local tokensOfKey = keys.streamTokensOf(keyName)
redis.call('HSET', token, 'begunAt', string.format('%.0f', begunAt))
redis.call('EXPIRE', token, idleSeconds)
redis.call('ZADD', tokensOfKey, now + idleSeconds * 1000, digest)
redis.call('EXPIRE', tokensOfKey, idleSeconds)
return {'open', keyName, keyDigest}
