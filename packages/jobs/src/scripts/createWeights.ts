// Records uploaded weights whose file was put by under a reservation, which ends with that.
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, remains. ARGV: id, the owner, their quotas (JSON), bytes, field, value, …. Answers created (again, when it is sent twice),
 * overQuota or expired.
 */
export const createWeights: Script = {
  name: 'trainyardCreateWeights',
  lua: `${usageFragment}${quotaFragment}
if redis.call('EXISTS', KEYS[1]) == 1 then return {'created'} end
local usage = usageKey(KEYS[1], ARGV[1], ARGV[2])
local over = overQuota(usage, ARGV[2], ARGV[3], 0, tonumber(ARGV[4]))
if over then return over end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return {'expired'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
store(usage, KEYS[1], ARGV[4])
return {'created'}
`,
};
