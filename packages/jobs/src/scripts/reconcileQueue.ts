// Repairs the queue after crashes, and reads it.
import type { Script } from './script.ts';
import { turnsFragment, waitingFragment } from './turns.ts';

/** Most jobs that one call handles. A script blocks all other commands of Redis. */
const pageSize = 500;

/**
 * Moves waiting jobs from the single set of version 0.1.0 to the sets of their keys. Handles up to 500 jobs per call.
 * - KEYS: the set of version 0.1.0.
 * - ARGV: hash tag.
 * - Replies: `adopted`, number of jobs that are left in the set.
 */
export const adoptWaitingJobs: Script = {
  name: 'trainyardAdoptWaitingJobs',
  lua: `${waitingFragment}
local entries = redis.call('ZRANGE', KEYS[1], 0, ${pageSize - 1}, 'WITHSCORES')
for at = 1, #entries, 2 do
  local jobId, job = entries[at], ARGV[1] .. ':job:' .. entries[at]
  local record = redis.call('HMGET', job, 'status', 'priority')
  if record[1] == 'queued' then wait(job, jobId, entries[at + 1] + (record[2] or 0) * 1e13) end
  redis.call('ZREM', KEYS[1], jobId)
end
return {'adopted', redis.call('ZCARD', KEYS[1])}
`,
};

/**
 * - KEYS: none.
 * - ARGV: hash tag.
 * - Replies: `missing`, number of missing wake-ups.
 */
export const countMissingWakeUps: Script = {
  name: 'trainyardCountMissingWakeUps',
  lua: `${turnsFragment}
return {'missing', missingWakeUps(ARGV[1])}
`,
};

/**
 * Adds running jobs with an expired lease to the interrupted jobs, so that workers take them over. Checks up to 500 jobs per call.
 * - KEYS: running jobs, interrupted jobs.
 * - ARGV: hash tag, id after which to begin ('' = at the first job).
 * - Replies: `interrupted`, id after which the next call begins ('' = all jobs are checked), ids of the added jobs ….
 */
export const interruptLostJobs: Script = {
  name: 'trainyardInterruptLostJobs',
  lua: `${waitingFragment}
local page = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'LIMIT', 0, ${pageSize})
local reply = {'interrupted', #page == ${pageSize} and page[#page] or ''}
for _, jobId in ipairs(page) do
  if redis.call('EXISTS', ARGV[1] .. ':lease:' .. jobId) == 0 and not redis.call('ZSCORE', KEYS[2], jobId) then
    interrupt(ARGV[1] .. ':job:' .. jobId, jobId)
    table.insert(reply, jobId)
  end
end
return reply
`,
};

/**
 * - KEYS: none.
 * - ARGV: hash tag, job ids ….
 * - Replies: `positions`, then the position of each job in the queue (1 starts next; 0: the job does not wait).
 */
export const readPositions: Script = {
  name: 'trainyardReadPositions',
  lua: `${turnsFragment}
local keys = waitingKeys(ARGV[1])
local reply = {'positions'}
for at = 2, #ARGV do
  local owner = redis.call('HGET', ARGV[1] .. ':job:' .. ARGV[at], 'owner')
  table.insert(reply, owner and positionOf(ARGV[1], keys, ARGV[at], owner) or 0)
end
return reply
`,
};
