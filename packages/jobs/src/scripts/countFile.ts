// Counts a file of a job for its owner's storage: gradients and evaluations, which no other script counts.
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, the job's files.
 * - ARGV: job id, file name, bytes.
 * - Replies: `counted`; `missing` if the job was deleted.
 */
export const countFile: Script = {
  name: 'trainyardCountFile',
  lua: `${usageFragment}
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return {'missing'} end
keep(usageKey(KEYS[1], ARGV[1], owner), KEYS[2], ARGV[2], ARGV[3])
return {'counted'}
`,
};
