// Notes that a job is being made with uploaded weights. Some of the jobs noted before are looked at each time, and forgotten
// where they have ended, so that the list does not grow with all jobs that there ever were.
import type { Script } from './script.ts';

/** KEYS: record, users. ARGV: job id, prefix of all jobs' records, final statuses …. Answers noted or missing. */
export const useWeights: Script = {
  name: 'trainyardUseWeights',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
local looked = redis.call('SRANDMEMBER', KEYS[2], 4)
for _, jobId in ipairs(looked) do
  local status = redis.call('HGET', ARGV[2] .. jobId, 'status')
  for i = 3, #ARGV do
    if status == ARGV[i] then redis.call('SREM', KEYS[2], jobId) end
  end
end
redis.call('SADD', KEYS[2], ARGV[1])
return {'noted'}
`,
};
