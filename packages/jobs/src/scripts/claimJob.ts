// A worker takes a job, or takes it over from a lost worker. Each claim raises the job's attempt number, so that writes of earlier
// attempts are refused. The lease shows that the job has a worker.
import { pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { turnsFragment, waitingFragment } from './turns.ts';

/**
 * `claim(job, events, lease, jobId, previous, isCounted)` takes one job and returns the reply of `claimJob`.
 * - `job`, `events`, `lease`: keys of the job.
 * - `previous`: number of this worker's previous attempt, which has ended; nil if there is none.
 * - `isCounted`: whether that attempt counts as one without progress.
 * - ARGV[1] … ARGV[7], the same in both scripts: event channel, worker, now (RFC 3339), attempts allowed without progress, error (JSON)
 *   of a job that has used them up, claim id, duration of the lease (ms).
 */
const claimFragment = `${statusFragment}${pauseFragment}${waitingFragment}${turnsFragment}
local function claim(job, events, lease, jobId, previous, isCounted)
  local channel = ARGV[1]
  local record = redis.call('HMGET', job, 'status', 'fruitless', 'spec', 'claim', 'attempt', 'checkpointFile', 'traceparent', 'owner')
  local checkpoint, traceparent = record[6] or '', record[7] or ''
  local status = record[1]
  if not status then return {'missing'} end
  if status == 'running' and record[4] == ARGV[6] then return {'claimed', tonumber(record[5]), record[3], checkpoint, traceparent} end
  local hasWaited = leaveQueue(job, jobId)
  if status == 'cancelling' then
    finish(job, events, channel, jobId, 'cancelled', ARGV[3])
    return {'cancelled'}
  end
  if status == 'pausing' then
    pause(job, events, channel, jobId)
    return {'paused'}
  end
  if status ~= 'queued' and status ~= 'running' then return {'refused', status} end
  local isFollowedUp = status == 'running' and record[5] == previous
  if isFollowedUp and not isCounted then record[2] = redis.call('HINCRBY', job, 'fruitless', -1) end
  if tonumber(record[2]) >= tonumber(ARGV[4]) then
    finish(job, events, channel, jobId, 'failed', ARGV[3], ARGV[5])
    return {'crashLoop'}
  end
  local attempt = redis.call('HINCRBY', job, 'attempt', 1)
  redis.call('HINCRBY', job, 'fruitless', 1)
  redis.call('HSET', job, 'worker', ARGV[2], 'claim', ARGV[6])
  redis.call('HSETNX', job, 'startedAt', ARGV[3])
  redis.call('HDEL', job, 'phase', 'resumed')
  redis.call('SET', lease, attempt, 'PX', ARGV[7])
  if hasWaited then countStart(tagOf(job, jobId), record[8]) end
  if status == 'queued' then
    enter(job, events, channel, jobId, 'running')
  elseif not isFollowedUp then
    log(job, events, channel, jobId, '{"jobId":"' .. jobId .. '","level":"warn","message":"attempt ' .. attempt .. ': the lease on the one before ran out"}')
  end
  return {'claimed', attempt, record[3], checkpoint, traceparent}
end
`;

/**
 * Takes a given job. Sending the same claim twice makes one attempt.
 * - KEYS: record, events, lease, totals, ended.
 * - ARGV: those of `claim`; job id; number of this worker's previous attempt ('' = none); 1 if that attempt counts as one without
 *   progress, else 0.
 * - Replies:
 *   - `claimed`, attempt number, spec, checkpoint file ('' = none), traceparent ('' = none);
 *   - `cancelled` or `paused`: the job was waiting for that, and it is done now;
 *   - `crashLoop`: the job has used up its attempts without progress, and has failed now;
 *   - `refused`, status: a job with this status cannot run;
 *   - `missing`.
 */
export const claimJob: Script = {
  name: 'trainyardClaimJob',
  lua: `${claimFragment}
return claim(KEYS[1], KEYS[2], KEYS[3], ARGV[8], ARGV[9], ARGV[10] == '1')
`,
};

/**
 * Takes the job that starts next: the job that was interrupted first, or else the first waiting job of `nextKey`. Sending the same
 * claim twice takes one job.
 * - KEYS: the job that this claim id took, totals, ended.
 * - ARGV: those of `claim`; hash tag; how long to remember the job that this claim id took (ms).
 * - Replies: `none` if no job waits; else the reply of `claimJob`, with the job id and the number of missing wake-ups inserted after its
 *   first element.
 */
export const takeJob: Script = {
  name: 'trainyardTakeJob',
  lua: `${claimFragment}
local tag = ARGV[8]
local function taken()
  local jobId = redis.call('GET', KEYS[1])
  if not jobId then return nil end
  local record = redis.call('HMGET', tag .. ':job:' .. jobId, 'claim', 'status')
  local isStill = record[1] == ARGV[6] and (record[2] == 'running' or record[2] == 'cancelling' or record[2] == 'pausing')
  return isStill and jobId or nil
end
local jobId = taken() or redis.call('ZRANGE', tag .. ':interrupted', 0, 0)[1]
if not jobId then
  local key = nextKey(tag)
  if not key then return {'none'} end
  jobId = redis.call('ZRANGE', tag .. ':waiting:' .. key.owner, 0, 0)[1]
end
local reply = claim(tag .. ':job:' .. jobId, tag .. ':events:' .. jobId, tag .. ':lease:' .. jobId, jobId)
if reply[1] == 'claimed' then redis.call('SET', KEYS[1], jobId, 'PX', ARGV[9]) end
table.insert(reply, 2, jobId)
table.insert(reply, 3, missingWakeUps(tag))
return reply
`,
};
