// A worker returns a job: it is cancelled or paused if that was requested, or else queued again. The attempt does not count as one
// without progress.
import { fenceFragment, pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * - KEYS: record, events, totals, ended.
 * - ARGV: attempt number, job id, event channel, now (RFC 3339).
 * - Replies: `released` if the job is queued again; `cancelled` or `paused` if that was requested; `stale`. If the call is sent again after
 *   the job was paused, it replies `paused` again.
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
