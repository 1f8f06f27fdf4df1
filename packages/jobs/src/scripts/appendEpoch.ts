// An epoch enters the job's history exactly once: not from an older attempt, and not again when a later attempt, which
// trains from the start, comes by it a second time.
import { appendFragment, fenceFragment } from './fragments.ts';
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, events, totals. ARGV: attempt, job id, event channel, epoch, event data, latest, progress (the last three JSON), samples,
 * seconds of training.
 * Answers appended and the event's id; duplicate; stale; or gap and the last epoch, when one in between is missing.
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
