// The sign of life of a worker that runs a job. It prolongs BullMQ's lock on the delivery, and takes it again where it
// ran out while nobody else took the job (Redis was away): a long training is not thrown away for that.
// The lock, the active list and the set of suspects are BullMQ's, as its scripts extendLocks and moveStalledJobsToWait
// keep them.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, lock, active list, suspects. ARGV: attempt, job id, token, lock duration (ms).
 * Answers held, taken (delivered to another who has not claimed it yet) or waiting (to be delivered again), each with the
 * job's status; or stale.
 */
export const renewDelivery: Script = {
  name: 'trainyardRenewDelivery',
  lua: `${fenceFragment}
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[3] then return {'taken', status} end
if not holder then
  local active = false
  for _, id in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
    if id == ARGV[2] then active = true end
  end
  if not active then return {'waiting', status} end
end
-- SET is refused while the memory is used up.
if holder then redis.call('PEXPIRE', KEYS[2], ARGV[4]) else redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
redis.call('SREM', KEYS[4], ARGV[2])
return {'held', status}
`,
};
