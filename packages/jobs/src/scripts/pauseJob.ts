// The pause action: queued → paused; running → pausing, and the job's worker is notified. Repeating it changes nothing, but notifies the
// worker again, because a notification may be lost.
import { pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * - KEYS: record, events, jobs that a worker is to cancel or pause.
 * - ARGV: job id, event channel, channel for cancel and pause requests, now (ms).
 * - Replies: `missing`; `accepted`; `refused`, current status.
 */
export const pauseJob: Script = {
  name: 'trainyardPauseJob',
  lua: `${statusFragment}${pauseFragment}${waitingFragment}
local jobId, channel = ARGV[1], ARGV[2]
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return {'missing'} end
if status == 'queued' then
  leaveQueue(KEYS[1], jobId)
  pause(KEYS[1], KEYS[2], channel, jobId)
elseif status == 'running' then
  enter(KEYS[1], KEYS[2], channel, jobId, 'pausing')
  redis.call('ZADD', KEYS[3], ARGV[4], jobId)
  redis.call('PUBLISH', ARGV[3], jobId)
elseif status == 'pausing' then
  redis.call('PUBLISH', ARGV[3], jobId)
elseif status ~= 'paused' then
  return {'refused', status}
end
return {'accepted'}
`,
};
