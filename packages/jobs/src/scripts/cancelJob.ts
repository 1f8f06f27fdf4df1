// The cancel action: queued, paused → cancelled; running, pausing → cancelling, and the job's worker is notified. Repeating it changes
// nothing, but notifies the worker again, because a notification may be lost.
import { statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * - KEYS: record, events, jobs that a worker is to cancel or pause, totals, ended.
 * - ARGV: job id, event channel, channel for cancel and pause requests, now (RFC 3339), now (ms).
 * - Replies: `missing`; `accepted`; `refused`, current status.
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
