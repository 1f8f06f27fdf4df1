// A worker takes a job, or takes it over from one that was lost. Raising the attempt fences the one before off, and the lease says that
// the job has a worker.
import { pauseFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';
import { turnsFragment, waitingFragment } from './turns.ts';

/**
 * `claim(job, events, lease, jobId)` with the arguments of both scripts in ARGV[1] … ARGV[6]: event channel, worker, now (RFC 3339),
 * fruitless attempts allowed, error (JSON) beyond them, claim id, and lease (ms) in ARGV[7]. `previous` is the number of this worker's
 * attempt before, whose end it told, nil without one, and `isCounted` whether that one counts.
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
 * KEYS: record, events, lease, totals, ended. ARGV: those of \`claim\`, then job id, number of this worker's attempt before ('' = none),
 * and whether that one counts (0 or 1).
 * The same claim sent twice, after a lost connection, is one attempt. Answers claimed with the attempt, the spec, the
 * checkpoint's file and the traceparent ('' = none); cancelled or paused, when that was still to be done; crashLoop, when the job
 * had its last chance; refused with a status that is not to be run; or missing.
 */
export const claimJob: Script = {
  name: 'trainyardClaimJob',
  lua: `${claimFragment}
return claim(KEYS[1], KEYS[2], KEYS[3], ARGV[8], ARGV[9], ARGV[10] == '1')
`,
};

/**
 * Takes the job that is to start next: one whose run was interrupted, else the first of the key that gets the place.
 * KEYS: note of what this claim took, totals, ended. ARGV: those of \`claim\`, then the hash tag and how long the note is kept (ms).
 * Answers as claimJob does, with the job's id and the number of missing wake-ups after the outcome; or none, when no job waits. The same
 * call sent twice, after a lost connection, takes one job.
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
