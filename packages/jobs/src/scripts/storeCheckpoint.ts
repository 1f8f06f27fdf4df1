// Records the job's last checkpoint and appends its event. Only the current attempt may do this.
import { appendFragment, fenceFragment } from './fragments.ts';
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * A checkpoint that is further than the last one resets the count of attempts without progress.
 * - KEYS: record, events, the job's files.
 * - ARGV: attempt number, job id, event channel, finished epochs, steps, file, checkpoint (JSON), event data (JSON).
 * - Replies: `stored`, file that it replaces ('' = none); `stale`; `gap`, last epoch in the history: the checkpoint is after that epoch.
 */
export const storeCheckpoint: Script = {
  name: 'trainyardStoreCheckpoint',
  lua: `${appendFragment}${fenceFragment}${usageFragment}
local epoch, step = tonumber(ARGV[4]), tonumber(ARGV[5])
local record = redis.call('HMGET', KEYS[1], 'lastEpoch', 'checkpointFile', 'checkpoint')
if epoch > tonumber(record[1]) then return {'gap', record[1]} end
if record[2] == ARGV[6] then return {'stored', ''} end
local before = record[3] and cjson.decode(record[3])
if not before or epoch > before.epoch or (epoch == before.epoch and step > before.step) then
  redis.call('HSET', KEYS[1], 'fruitless', '0')
end
redis.call('HSET', KEYS[1], 'checkpointFile', ARGV[6], 'checkpoint', ARGV[7])
local usage = usageKey(KEYS[1], ARGV[2], redis.call('HGET', KEYS[1], 'owner'))
if record[2] then keep(usage, KEYS[3], record[2], 0) end
keep(usage, KEYS[3], ARGV[6], cjson.decode(ARGV[7]).bytes)
append(KEYS[2], ARGV[3], ARGV[2], 'checkpoint', ARGV[8])
return {'stored', record[2] or ''}
`,
};
