// The resume action: paused → queued. Repeating it changes nothing while the job waits, and is refused after a worker has taken the job.
import { statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { waitingFragment } from './turns.ts';

/**
 * - KEYS: record, events.
 * - ARGV: job id, event channel, now (ms).
 * - Replies: `missing`; `accepted`; `refused`, current status.
 */
export const resumeJob: Script = {
  name: 'trainyardResumeJob',
  lua: `${statusFragment}${waitingFragment}
local jobId = ARGV[1]
local record = redis.call('HMGET', KEYS[1], 'status', 'resumed')
local status = record[1]
if not status then return {'missing'} end
if status == 'queued' and record[2] then return {'accepted'} end
if status ~= 'paused' then return {'refused', status} end
redis.call('HSET', KEYS[1], 'resumed', '1')
wait(KEYS[1], jobId, ARGV[3])
enter(KEYS[1], KEYS[2], ARGV[2], jobId, 'queued')
return {'accepted'}
`,
};
