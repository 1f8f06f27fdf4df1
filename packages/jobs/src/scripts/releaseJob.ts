// A worker that shuts down hands a job back, or has it paused: the attempt does not count against it.
import { fenceFragment, pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * KEYS: record, events, totals, ended. ARGV: attempt, job id, event channel, now (RFC 3339).
 * Answers released; cancelled or paused, when that was still to be done; or stale. A pause that is sent twice by the same attempt,
 * after a lost connection, answers the same twice.
 */
export const releaseJob: Script = {
  name: 'trainyardReleaseJob',
  lua: `${statusFragment}${waitingFragment}${pauseFragment}
local before = redis.call('HMGET', KEYS[1], 'attempt', 'status')
if before[1] == ARGV[1] and before[2] == 'paused' then return {'paused'} end
${fenceFragment}
if status == 'cancelling' then
  finish(KEYS[1], KEYS[2], ARGV[3], ARGV[2], 'cancelled', ARGV[4])
  return {'cancelled'}
end
if status == 'pausing' then
  pause(KEYS[1], KEYS[2], ARGV[3], ARGV[2])
  return {'paused'}
end
redis.call('HINCRBY', KEYS[1], 'fruitless', -1)
redis.call('HDEL', KEYS[1], 'phase')
interrupt(KEYS[1], ARGV[2])
enter(KEYS[1], KEYS[2], ARGV[3], ARGV[2], 'queued')
return {'released'}
`,
};
