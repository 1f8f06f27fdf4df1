// A running job whose lease ran out, and that no other worker has taken over, is queued again: what its record says is then true. The attempt
// that was cut off is stale from here on, as the job is not running.
import { statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * KEYS: record, events, lease. ARGV: job id, event channel.
 * Answers held, while a worker has it; reaped; or none, when it is not running (any more).
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
