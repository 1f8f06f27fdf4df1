// Tokens for one event stream. Only the digest of a token is stored. For each API key, a set of its tokens limits their number.
import type { Script } from './script.ts';

/**
 * Creates a token. If the API key has too many, the tokens that expire first are removed.
 * - KEYS: token, tokens of the API key.
 * - ARGV: digest of the token, job id, name of the API key, digest of the API key, now (ms), how long the token may wait for its first use
 *   (s), most tokens of an API key.
 * - Replies: `created`.
 */
export const createStreamToken: Script = {
  name: 'trainyardCreateStreamToken',
  lua: `
local tokens = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[5])
for _, digest in ipairs(redis.call('ZRANGE', KEYS[2], 0, -tonumber(ARGV[7]))) do
  redis.call('DEL', tokens .. digest)
  redis.call('ZREM', KEYS[2], digest)
end
redis.call('HSET', KEYS[1], 'jobId', ARGV[2], 'key', ARGV[3], 'keyDigest', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[5] + ARGV[6] * 1000, ARGV[1])
if redis.call('TTL', KEYS[2]) < tonumber(ARGV[6]) then redis.call('EXPIRE', KEYS[2], ARGV[6]) end
return {'created'}
`,
};

/**
 * Uses a token.
 * - KEYS: token, the job's record.
 * - ARGV: digest of the token, job id, now (ms), lifetime after a use (s), lifetime after the end of the job or the first use of the token,
 *   whichever is later (ms), prefix of the keys of the sets of tokens.
 * - Replies: `open`, name of the API key, digest of the API key; `refused`.
 */
export const openStreamToken: Script = {
  name: 'trainyardOpenStreamToken',
  lua: `
local token = redis.call('HMGET', KEYS[1], 'jobId', 'key', 'keyDigest', 'begunAt')
if token[1] ~= ARGV[2] then return {'refused'} end
local now = tonumber(ARGV[3])
local begunAt = tonumber(token[4] or now)
local final = redis.call('HGET', KEYS[2], 'finalEvent')
local endedAt = final and tonumber(string.match(final, '^%d+'))
if endedAt and now > math.max(endedAt, begunAt) + tonumber(ARGV[5]) then return {'refused'} end
local tokensOfKey = ARGV[6] .. token[2]
redis.call('HSET', KEYS[1], 'begunAt', string.format('%.0f', begunAt))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', tokensOfKey, now + ARGV[4] * 1000, ARGV[1])
redis.call('EXPIRE', tokensOfKey, ARGV[4])
return {'open', token[2], token[3]}
`,
};
