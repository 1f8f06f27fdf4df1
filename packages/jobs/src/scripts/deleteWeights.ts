// Removes uploaded weights, unless a job that has not ended was made with them.
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, users, remains. ARGV: id, now (ms), prefix of all jobs' records, final statuses ….
 * Answers deleted; missing; or refused and the id of a job. Jobs' records share the keys' hash tag.
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
