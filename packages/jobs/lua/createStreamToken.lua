-- Creates a token for one event stream. Only the digest of a token is stored. If the API key has too many tokens, those that expire first
-- are removed.
redis.call('ZREMRANGEBYSCORE', tokensOfKey, '-inf', nowMs)
for _, former in ipairs(redis.call('ZRANGE', tokensOfKey, 0, -tonumber(mostTokens))) do
  redis.call('DEL', keys.streamToken(former))
  redis.call('ZREM', tokensOfKey, former)
end
redis.call('HSET', token, 'jobId', jobId, 'key', keyName, 'keyDigest', keyDigest)
redis.call('EXPIRE', token, beginSeconds)
redis.call('ZADD', tokensOfKey, nowMs + beginSeconds * 1000, digest)
if redis.call('TTL', tokensOfKey) < tonumber(beginSeconds) then redis.call('EXPIRE', tokensOfKey, beginSeconds) end
return {'created'}
