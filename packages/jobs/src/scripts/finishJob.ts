// Ends a job. If a cancel was requested, the job ends as `cancelled`, even if the attempt succeeded or failed.
import { fenceFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * If the same attempt sends the call again, it replies the same.
 * - KEYS: record, events, the job's files, totals, ended.
 * - ARGV: attempt number, job id, event channel, now (RFC 3339), status, result or error (JSON, '' = none), file name of the trained model,
 *   its bytes.
 * - Replies: `finished`, final status; `stale`; `refused`, current status: nobody has requested this cancel.
 */
export const finishJob: Script = {
  name: 'trainyardFinishJob',
  lua: `${statusFragment}
local before = redis.call('HMGET', KEYS[1], 'attempt', 'finishedAt', 'status')
if before[1] == ARGV[1] and before[2] then return {'finished', before[3]} end
${fenceFragment}
if status ~= 'cancelling' and ARGV[5] == 'cancelled' then return {'refused', status} end
local ending = ARGV[5]
if status == 'cancelling' then ending = 'cancelled' end
if ending == 'succeeded' then
  redis.call('HSET', KEYS[1], 'result', ARGV[6])
  keep(usageKey(KEYS[1], ARGV[2], redis.call('HGET', KEYS[1], 'owner')), KEYS[3], ARGV[7], ARGV[8])
end
finish(KEYS[1], KEYS[2], ARGV[3], ARGV[2], ending, ARGV[4], ending == 'failed' and ARGV[6])
return {'finished', ending}
`,
};
