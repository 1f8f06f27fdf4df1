// Notes that a job is being created with uploaded weights. Each call also removes some jobs that have ended from the notes, so that these
// do not grow forever.
import type { Script } from './script.ts';

/**
 * The caller draws the jobs to check, because not every Redis lets a script draw members and then write.
 * - KEYS: record, jobs that use the weights.
 * - ARGV: job id, prefix of the keys of job records, number of jobs to check, their ids …, final statuses ….
 * - Replies: `noted`; `missing`.
 */
export const useWeights: Script = {
  name: 'trainyardUseWeights',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
local lastLooked = 3 + tonumber(ARGV[3])
for at = 4, lastLooked do
  local status = redis.call('HGET', ARGV[2] .. ARGV[at], 'status')
  for i = lastLooked + 1, #ARGV do
    if status == ARGV[i] then redis.call('SREM', KEYS[2], ARGV[at]) end
  end
end
redis.call('SADD', KEYS[2], ARGV[1])
return {'noted'}
`,
};
