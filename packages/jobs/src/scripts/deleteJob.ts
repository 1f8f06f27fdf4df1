// Removes a finished job: its record, its events and its places in the lists. That it may have left files is noted in the same
// step, so that a crash before they are removed leaves nothing behind.
import type { Script } from './script.ts';

/**
 * KEYS: record, events, jobs, the owner's jobs, remains. ARGV: job id, now (ms), final statuses ….
 * Answers deleted, missing, or refused and the status.
 */
export const deleteJob: Script = {
  name: 'trainyardDeleteJob',
  lua: `
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return {'missing'} end
local final = false
for i = 3, #ARGV do final = final or status == ARGV[i] end
if not final then return {'refused', status} end
redis.call('ZADD', KEYS[5], ARGV[2], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
return {'deleted'}
`,
};
