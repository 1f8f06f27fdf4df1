// Deletes uploaded weights, unless a job that has not ended was created with them. The same step notes that their file is to be removed.
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, jobs that use the weights, ids whose files are to be removed.
 * - ARGV: weights id, now (ms), prefix of the keys of job records, final statuses ….
 * - Replies: `deleted`; `missing`; `refused`, id of a job that uses them.
 */
export const deleteWeights: Script = {
  name: 'trainyardDeleteWeights',
  lua: `${usageFragment}
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
for _, jobId in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local status = redis.call('HGET', ARGV[3] .. jobId, 'status')
  local ended = not status
  for i = 4, #ARGV do ended = ended or status == ARGV[i] end
  if not ended then return {'refused', jobId} end
end
unstore(usageKey(KEYS[1], ARGV[1], redis.call('HGET', KEYS[1], 'owner')), KEYS[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
return {'deleted'}
`,
};
