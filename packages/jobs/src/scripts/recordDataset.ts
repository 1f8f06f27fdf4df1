// Records an uploaded dataset, unless its owner already has a dataset with the same content. Its files are stored already, under a
// reservation that ends with this call.
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * Sending the same call twice records one dataset.
 * - KEYS: record, datasets, the owner's datasets, the owner's datasets by digest, reservations.
 * - ARGV: dataset id, digest of the content, prefix of the keys of dataset records, owner, the owner's quotas (JSON), bytes of the files;
 *   then field, value, … of the record.
 * - Replies: `recorded`; `known`, id of the dataset with the same content; `overQuota`, … (see `quotaFragment`); `expired`: the reservation
 *   has expired.
 */
export const recordDataset: Script = {
  name: 'trainyardRecordDataset',
  lua: `${usageFragment}${quotaFragment}
if redis.call('EXISTS', KEYS[1]) == 1 then return {'recorded'} end
local known = redis.call('HGET', KEYS[4], ARGV[2])
if known and redis.call('EXISTS', ARGV[3] .. known) == 1 then return {'known', known} end
local usage = usageKey(KEYS[1], ARGV[1], ARGV[4])
local over = overQuota(usage, ARGV[4], ARGV[5], 0, tonumber(ARGV[6]))
if over then return over end
if redis.call('ZREM', KEYS[5], ARGV[1]) == 0 then return {'expired'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 7))
store(usage, KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
redis.call('HSET', KEYS[4], ARGV[2], ARGV[1])
return {'recorded'}
`,
};
