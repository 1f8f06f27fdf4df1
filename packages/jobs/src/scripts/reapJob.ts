// Queues a running job again when its lease has expired and no worker has taken it over. Until a worker claims it, writes of the
// interrupted attempt are refused, because the job is not running.
import { statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * - KEYS: record, events, lease.
 * - ARGV: job id, event channel.
 * - Replies: `held` if a worker has the job; `reaped`; `none` if the job is not running.
 */
export const reapJob: Script = {
  name: 'trainyardReapJob',
  lua: `${statusFragment}${waitingFragment}
local jobId, channel = ARGV[1], ARGV[2]
if redis.call('EXISTS', KEYS[3]) == 1 then return {'held'} end
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return {'none'} end
redis.call('HDEL', KEYS[1], 'phase')
interrupt(KEYS[1], jobId)
log(KEYS[1], KEYS[2], channel, jobId, '{"jobId":"' .. jobId .. '","level":"warn","message":"no worker has renewed the lease on the job: it waits for a worker"}')
enter(KEYS[1], KEYS[2], channel, jobId, 'queued')
return {'reaped'}
`,
};
