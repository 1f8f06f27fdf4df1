// Deletes an uploaded dataset, unless a job that has not ended uses it. The same step notes that its files are to be removed.
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, datasets, the owner's datasets, the owner's datasets by digest, jobs that use the dataset, ids whose files are to be
 *   removed.
 * - ARGV: dataset id, digest of the content, prefix of the keys of job records, now (ms), final statuses ….
 * - Replies: `deleted`; `missing`; `inUse`, id of a job that uses it.
 */
export const deleteDataset: Script = {
  name: 'trainyardDeleteDataset',
  lua: `${usageFragment}
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
local final = {}
for i = 5, #ARGV do final[ARGV[i]] = true end
for _, jobId in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  local status = redis.call('HGET', ARGV[3] .. jobId, 'status')
  if status and not final[status] then return {'inUse', jobId} end
end
unstore(usageKey(KEYS[1], ARGV[1], redis.call('HGET', KEYS[1], 'owner')), KEYS[1])
redis.call('ZADD', KEYS[6], ARGV[4], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[5])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('HGET', KEYS[4], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[4], ARGV[2]) end
return {'deleted'}
`,
};
