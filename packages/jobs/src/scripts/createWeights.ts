// Records uploaded weights. Their file is stored already, under a reservation that ends with this call.
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * Sending the same call twice records the weights once.
 * - KEYS: record, reservations.
 * - ARGV: weights id, owner, the owner's quotas (JSON), bytes of the file; then field, value, … of the record.
 * - Replies: `created`; `overQuota`, … (see `quotaFragment`); `expired`: the reservation has expired.
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
