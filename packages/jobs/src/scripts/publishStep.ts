// A step is told to those who watch and kept only as the record's progress. Steps of an epoch that is in the history
// already stay unsaid: to a client, time does not run backwards when a job is taken over.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/** KEYS: record. ARGV: attempt, job id, event channel, epoch, event data, progress (JSON). Answers published, duplicate or stale. */
export const publishStep: Script = {
  name: 'trainyardPublishStep',
  lua: `${fenceFragment}
if tonumber(ARGV[4]) <= tonumber(redis.call('HGET', KEYS[1], 'lastEpoch')) then return {'duplicate'} end
redis.call('HSET', KEYS[1], 'progress', ARGV[6])
redis.call('PUBLISH', ARGV[3], '{"jobId":"' .. ARGV[2] .. '","event":"step","data":' .. ARGV[5] .. '}')
return {'published'}
`,
};
