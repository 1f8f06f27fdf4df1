// The pause action: queued → paused; running → pausing, and whoever runs it is woken. Repeated, it changes nothing (but wakes
// again, for a wake-up may have been lost).
import { pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * KEYS: record, events, leaving. ARGV: job id, event channel, wish channel, now (ms).
 * Answers missing, accepted, or refused and the present status.
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
