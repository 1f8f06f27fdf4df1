// Creates a job in one step: its record, its idempotency key, its entries in the lists and in the queue, and its first event. A reserved
// job already has files. Its stream may already hold copied events, which would have expired if the job had not been created.
import { idempotencyFragment, statusFragment } from './fragments.ts';
import { quotaFragment } from './usage.ts';
import type { Script } from './script.ts';
import { turnsFragment, waitingFragment } from './turns.ts';

/**
 * Sending the same call twice creates one job.
 * - KEYS: record, events, owners with waiting jobs, interrupted jobs, idempotency key, reservations, record of the uploaded dataset, jobs
 *   that use it, the job's files.
 * - ARGV: job id, event channel, body digest ('' = no idempotency key), lifetime of the idempotency key (s), now (ms), priority, 1 if the
 *   job is reserved, id of the uploaded dataset ('' = none), owner, the owner's quotas (JSON), bytes of each file by name (JSON),
 *   estimated bytes of Redis memory; then field, value, … of the record.
 * - Replies:
 *   - `created`, job id, position in the queue, number of missing wake-ups;
 *   - `replayed`, job id: an earlier request had the same idempotency key and body;
 *   - `mismatch`, job id: an earlier request had the same idempotency key and another body;
 *   - `expired`, job id: the reservation has expired;
 *   - `noDataset`, dataset id: the dataset does not exist;
 *   - `overQuota`, …: see `quotaFragment`.
 */
export const createJob: Script = {
  name: 'trainyardCreateJob',
  lua: `${statusFragment}${waitingFragment}${turnsFragment}${idempotencyFragment}${quotaFragment}
local jobId, channel, digest = ARGV[1], ARGV[2], ARGV[3]
local tag = tagOf(KEYS[1], jobId)
local function created() return {'created', jobId, positionOf(tag, waitingKeys(tag), jobId, ARGV[9]), missingWakeUps(tag)} end
if redis.call('EXISTS', KEYS[1]) == 1 then return created() end
local before = madeBefore(KEYS[5], digest, KEYS[1], jobId)
if before then return before end
if ARGV[8] ~= '' and redis.call('EXISTS', KEYS[7]) == 0 then return {'noDataset', ARGV[8]} end
local usage = usageKey(KEYS[1], jobId, ARGV[9])
local files, bytes = cjson.decode(ARGV[11]), 0
for _, size in pairs(files) do bytes = bytes + size end
local over = overQuota(usage, ARGV[9], ARGV[10], 1, bytes, tonumber(ARGV[12]))
if over then return over end
if ARGV[7] == '1' and redis.call('ZREM', KEYS[6], jobId) == 0 then return {'expired', jobId} end
remember(KEYS[5], digest, jobId, ARGV[4])
redis.call('HSET', KEYS[1], 'attempt', '0', 'fruitless', '0', 'priority', ARGV[6], unpack(ARGV, 13))
if digest ~= '' then redis.call('HSET', KEYS[1], 'idempotencyKey', KEYS[5]) end
charge(usage, KEYS[1], ARGV[12])
for name, size in pairs(files) do keep(usage, KEYS[9], name, size) end
local sweepId = redis.call('HGET', KEYS[1], 'sweep')
if sweepId then
  -- The quota counted the jobs of the first rung when the sweep was created. Jobs of later rungs were not counted then.
  local sweep = string.sub(KEYS[1], 1, #KEYS[1] - #jobId - 5) .. ':sweep:' .. sweepId
  if tonumber(redis.call('HGET', sweep, 'plannedJobs') or 0) > 0 then
    redis.call('HINCRBY', sweep, 'plannedJobs', -1)
    redis.call('HINCRBY', usage, 'plannedJobs', -1)
  end
end
if ARGV[8] ~= '' then
  -- Each new job checks the two jobs whose last check is longest ago, so that the set holds few jobs that have ended.
  for _, id in ipairs(redis.call('ZRANGE', KEYS[8], 0, 1)) do
    local status = redis.call('HGET', string.sub(KEYS[1], 1, #KEYS[1] - #jobId) .. id, 'status')
    if not status or status == 'succeeded' or status == 'failed' or status == 'cancelled' then redis.call('ZREM', KEYS[8], id)
    else redis.call('ZADD', KEYS[8], ARGV[5], id) end
  end
  redis.call('ZADD', KEYS[8], ARGV[5], jobId)
end
redis.call('PERSIST', KEYS[2])
lists('ZADD', KEYS[1], jobId, '*')
wait(KEYS[1], jobId, ARGV[5])
enter(KEYS[1], KEYS[2], channel, jobId, 'queued')
return created()
`,
};
