// What sets the queue right after crashes.
import type { Script } from './script.ts';
import { turnsFragment, waitingFragment } from './turns.ts';

/** Jobs looked at in one call, so that a call is short. */
const pageSize = 500;

/**
 * Enters waiting jobs that version 0.1.0 kept in one set for all keys.
 * KEYS: that set. ARGV: the hash tag. Answers adopted and how many of them are left.
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

/** KEYS: none. ARGV: the hash tag. Answers missing and the number of missing wake-ups. */
export const countMissingWakeUps: Script = {
  name: 'trainyardCountMissingWakeUps',
  lua: `${turnsFragment}
return {'missing', missingWakeUps(ARGV[1])}
`,
};

/**
 * Lets running jobs whose lease has run out be taken over.
 * KEYS: running jobs, interrupted jobs. ARGV: the hash tag, the id to begin after ('' = from the first).
 * Answers interrupted, the id to go on after ('' = that was all), and the ids of the jobs.
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
 * KEYS: none. ARGV: the hash tag, then the id of each job. Answers positions, and for each job how many start before it plus 1; 0 if it
 * does not wait.
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
