-- Requests that may be sent twice. `memory` is the Redis key of an idempotency key. An empty `digest` means no idempotency key.

-- Looks for an earlier request with the same idempotency key. Returns {'replayed', its id} if it had the same body, {'mismatch', its id} if
-- it had another body, and nil if there is none or its record was deleted. `recordOf` returns the key of the record with an id.
local function madeBefore(memory, digest, recordOf)
  local seen = digest ~= '' and redis.call('GET', memory)
  if not seen then return nil end
  local earlierDigest, earlier = string.match(seen, '^(%S+) (.*)$')
  if earlierDigest ~= digest then return {'mismatch', earlier} end
  if redis.call('EXISTS', recordOf(earlier)) == 1 then return {'replayed', earlier} end
  return nil
end

-- Stores the id under the idempotency key.
local function remember(memory, digest, id, seconds)
  if digest ~= '' then redis.call('SET', memory, digest .. ' ' .. id, 'EX', seconds) end
end
