// Cancels or pauses a job in place of its lost worker. Raises the attempt number, so that writes of a worker that was only frozen are
// refused.
import { pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * - KEYS: record, events, lease, jobs that a worker is to cancel or pause, totals, ended.
 * - ARGV: job id, event channel, now (RFC 3339).
 * - Replies: `held` if a worker has the job; `settled`; `none` if the job is neither `cancelling` nor `pausing`.
 */
export const settleJob: Script = {
  name: 'trainyardSettleJob',
  lua: `${statusFragment}${pauseFragment}${waitingFragment}
local jobId, channel = ARGV[1], ARGV[2]
local status = redis.call('HGET', KEYS[1], 'status')
local isLeaving = status == 'cancelling' or status == 'pausing'
if isLeaving and redis.call('EXISTS', KEYS[3]) == 1 then return {'held'} end
redis.call('ZREM', KEYS[4], jobId)
if not isLeaving then return {'none'} end
redis.call('HINCRBY', KEYS[1], 'attempt', 1)
leaveQueue(KEYS[1], jobId)
if status == 'cancelling' then
  finish(KEYS[1], KEYS[2], channel, jobId, 'cancelled', ARGV[3])
else
  pause(KEYS[1], KEYS[2], channel, jobId)
end
return {'settled'}
`,
};
