// The cancel action: queued, paused → cancelled; running, pausing → cancelling, and whoever runs it is woken. Repeated, it changes
// nothing (but wakes again, for a wake-up may have been lost).
import { statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * KEYS: record, events, leaving, totals, ended. ARGV: job id, event channel, wish channel, now (RFC 3339), now (ms).
 * Answers missing, accepted, or refused and the present status.
 */
export const cancelJob: Script = {
  name: 'trainyardCancelJob',
  lua: `${statusFragment}${waitingFragment}
local jobId, channel = ARGV[1], ARGV[2]
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return {'missing'} end
if status == 'queued' or status == 'paused' then
  leaveQueue(KEYS[1], jobId)
  finish(KEYS[1], KEYS[2], channel, jobId, 'cancelled', ARGV[4])
elseif status == 'running' or status == 'pausing' then
  enter(KEYS[1], KEYS[2], channel, jobId, 'cancelling')
  redis.call('ZADD', KEYS[3], ARGV[5], jobId)
  redis.call('PUBLISH', ARGV[3], jobId)
elseif status == 'cancelling' then
  redis.call('PUBLISH', ARGV[3], jobId)
elseif status ~= 'cancelled' then
  return {'refused', status}
end
return {'accepted'}
`,
};
