// Notes that a job is being made with uploaded weights. Some of the jobs noted before are looked at each time, and forgotten
// where they have ended, so that the list does not grow with all jobs that there ever were.
import type { Script } from './script.ts';

/**
 * KEYS: record, users. ARGV: job id, prefix of all jobs' records, how many users to look at, their ids …, final statuses …. The
 * caller draws them: not every Redis lets a script that writes draw. Answers noted or missing.
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
