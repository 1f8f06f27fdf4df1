// Publishes a step to clients that follow the job. Only the record's progress keeps it. Steps of an epoch that is already in the history
// are not published, so that clients do not see progress go back when a job is taken over.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record.
 * - ARGV: attempt number, job id, event channel, epoch, event data (JSON), progress (JSON).
 * - Replies: `published`; `duplicate` if the epoch is already in the history; `stale`.
 */
export const publishStep: Script = {
  name: 'trainyardPublishStep',
  lua: `${fenceFragment}
if tonumber(ARGV[4]) <= tonumber(redis.call('HGET', KEYS[1], 'lastEpoch')) then return {'duplicate'} end
redis.call('HSET', KEYS[1], 'progress', ARGV[6])
redis.call('PUBLISH', ARGV[3], '{"jobId":"' .. ARGV[2] .. '","event":"step","data":' .. ARGV[5] .. '}')
return {'published'}
`,
};
