// Compares the data that an attempt found with the data that the job was created for. If they differ, the job loses its reuse key for good:
// no later request gets this job instead of a new one.
import { fenceFragment, listsFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record.
 * - ARGV: attempt number, job id, digest of the data found ('' = not known).
 * - Replies: `same` if the data is the same or the job has no reuse key; `other`; `stale`.
 */
export const foundData: Script = {
  name: 'trainyardFoundData',
  lua: `${listsFragment}${fenceFragment}
local made = redis.call('HMGET', KEYS[1], 'dataDigest', 'reuseKey', 'labels')
if not made[2] or made[1] == ARGV[3] then return {'same'} end
lists('ZREM', KEYS[1], ARGV[2], '*')
lists('ZREM', KEYS[1], ARGV[2], status)
local kept = {}
for _, label in ipairs(cjson.decode(made[3])) do
  -- As \`reuseLabel\` names the list of the jobs with this key.
  if label ~= '\\127' .. made[2] then table.insert(kept, label) end
end
if #kept == 0 then redis.call('HDEL', KEYS[1], 'labels') else redis.call('HSET', KEYS[1], 'labels', cjson.encode(kept)) end
redis.call('HDEL', KEYS[1], 'reuseKey')
lists('ZADD', KEYS[1], ARGV[2], '*')
lists('ZADD', KEYS[1], ARGV[2], status)
return {'other'}
`,
};
