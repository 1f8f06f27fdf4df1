// Appends an epoch to the job's history, exactly once. An older attempt is refused. An epoch that a later attempt trains again changes
// nothing.
import { appendFragment, fenceFragment } from './fragments.ts';
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, events, totals.
 * - ARGV: attempt number, job id, event channel, epoch, event data (JSON), metrics of the epoch (JSON), progress (JSON), samples,
 *   seconds of training.
 * - Replies: `appended`, event id; `duplicate`; `stale`; `gap`, last epoch in the history: an epoch between the two is missing.
 */
export const appendEpoch: Script = {
  name: 'trainyardAppendEpoch',
  lua: `${appendFragment}${fenceFragment}${usageFragment}
local epoch = tonumber(ARGV[4])
local last = tonumber(redis.call('HGET', KEYS[1], 'lastEpoch'))
if epoch <= last then return {'duplicate'} end
if epoch > last + 1 then return {'gap', last} end
redis.call('HSET', KEYS[1], 'lastEpoch', ARGV[4], 'fruitless', '0', 'latest', ARGV[6], 'progress', ARGV[7])
redis.call('HINCRBY', KEYS[3], 'epochs', 1)
redis.call('HINCRBY', KEYS[3], 'samples', ARGV[8])
redis.call('HINCRBYFLOAT', KEYS[3], 'seconds', ARGV[9])
local usage = usageKey(KEYS[1], ARGV[2], redis.call('HGET', KEYS[1], 'owner'))
local day = string.format('%.0f', math.floor(redis.call('TIME')[1] / 86400))
if redis.call('HGET', usage, 'trainedDay') ~= day then redis.call('HSET', usage, 'trainedDay', day, 'trainedSeconds', '0') end
redis.call('HINCRBYFLOAT', usage, 'trainedSeconds', ARGV[9])
return {'appended', append(KEYS[2], ARGV[3], ARGV[2], 'epoch', ARGV[5])}
`,
};
