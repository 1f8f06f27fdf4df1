// Deletes a finished job: its record, its events, its idempotency key and its entries in the lists. The same step notes that its files are
// to be removed, so that they are removed even after a crash.
import { listsFragment } from './fragments.ts';
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, events, ids whose files are to be removed, the job's files.
 * - ARGV: job id, now (ms), final statuses ….
 * - Replies: `deleted`; `missing`; `refused`, current status.
 */
export const deleteJob: Script = {
  name: 'trainyardDeleteJob',
  lua: `${listsFragment}${usageFragment}
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return {'missing'} end
local final = false
for i = 3, #ARGV do final = final or status == ARGV[i] end
if not final then return {'refused', status} end
lists('ZREM', KEYS[1], ARGV[1], status)
lists('ZREM', KEYS[1], ARGV[1], '*')
local usage = usageKey(KEYS[1], ARGV[1], redis.call('HGET', KEYS[1], 'owner'))
unkeep(usage, KEYS[4])
uncharge(usage, KEYS[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
local memory = redis.call('HGET', KEYS[1], 'idempotencyKey')
local remembered = memory and redis.call('GET', memory)
if remembered and string.sub(remembered, -#ARGV[1]) == ARGV[1] then redis.call('UNLINK', memory) end
redis.call('UNLINK', KEYS[1], KEYS[2])
return {'deleted'}
`,
};
