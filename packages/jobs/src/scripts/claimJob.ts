// A worker takes a job, or takes it over from one that was lost. Raising the attempt fences the one before off.
import { pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, events, waiting, outbox, totals, ended.
 * ARGV: job id, event channel, worker, now (RFC 3339), fruitless attempts allowed, error (JSON) beyond them, claim id,
 * number of this worker's attempt before ('' = none), which it told the end of, and whether that one counts (0 or 1).
 * The same claim sent twice, after a lost connection, is one attempt. Answers claimed with the attempt, the spec, the
 * checkpoint's file and the traceparent ('' = none); cancelled or paused, when that was still to be done; crashLoop, when the job
 * had its last chance; refused with a status that is not to be run; or missing.
 */
export const claimJob: Script = {
  name: 'trainyardClaimJob',
  lua: `${statusFragment}${pauseFragment}
local jobId, channel = ARGV[1], ARGV[2]
local record = redis.call('HMGET', KEYS[1], 'status', 'fruitless', 'spec', 'claim', 'attempt', 'checkpointFile', 'traceparent')
local checkpoint, traceparent = record[6] or '', record[7] or ''
local status = record[1]
if not status then return {'missing'} end
if status == 'running' and record[4] == ARGV[7] then return {'claimed', tonumber(record[5]), record[3], checkpoint, traceparent} end
if status == 'cancelling' then
  finish(KEYS[1], KEYS[2], channel, jobId, 'cancelled', ARGV[4])
  return {'cancelled'}
end
if status == 'pausing' then
  pause(KEYS[1], KEYS[2], channel, jobId)
  return {'paused'}
end
if status ~= 'queued' and status ~= 'running' then return {'refused', status} end
redis.call('ZREM', KEYS[3], jobId)
redis.call('ZREM', KEYS[4], jobId)
local isFollowedUp = status == 'running' and record[5] == ARGV[8]
if isFollowedUp and ARGV[9] == '0' then record[2] = redis.call('HINCRBY', KEYS[1], 'fruitless', -1) end
if tonumber(record[2]) >= tonumber(ARGV[5]) then
  finish(KEYS[1], KEYS[2], channel, jobId, 'failed', ARGV[4], ARGV[6])
  return {'crashLoop'}
end
local attempt = redis.call('HINCRBY', KEYS[1], 'attempt', 1)
redis.call('HINCRBY', KEYS[1], 'fruitless', 1)
redis.call('HSET', KEYS[1], 'worker', ARGV[3], 'claim', ARGV[7])
redis.call('HSETNX', KEYS[1], 'startedAt', ARGV[4])
redis.call('HDEL', KEYS[1], 'phase', 'resumed')
if status == 'queued' then
  enter(KEYS[1], KEYS[2], channel, jobId, 'running')
elseif not isFollowedUp then
  log(KEYS[1], KEYS[2], channel, jobId, '{"jobId":"' .. jobId .. '","level":"warn","message":"attempt ' .. attempt .. ': the lease on the one before ran out"}')
end
return {'claimed', attempt, record[3], checkpoint, traceparent}
`,
};
