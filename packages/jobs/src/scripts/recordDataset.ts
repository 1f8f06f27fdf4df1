// Records an uploaded dataset, unless its owner has the same content already. The files were stored before, under a reservation,
// which this ends.
import { quotaFragment, usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, datasets, the owner's datasets, the owner's contents, remains. ARGV: dataset id, digest of the content, the key of
 * records without the id, the owner, their quotas (JSON), bytes, field, value, ….
 * Answers recorded, known and the id of the dataset that has the content, overQuota, or expired, when the files are being removed. The same
 * call sent twice, after a lost connection, is one dataset.
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
