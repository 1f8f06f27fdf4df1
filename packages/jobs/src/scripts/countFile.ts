// What a file of a job takes of its owner's storage, where no other script tells of it: of gradients and evaluations.
import { usageFragment } from './usage.ts';
import type { Script } from './script.ts';

/** KEYS: record, the job's files. ARGV: job id, the file's name, its bytes. Answers counted; or missing, for a job that was deleted. */
export const countFile: Script = {
  name: 'trainyardCountFile',
  lua: `${usageFragment}
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return {'missing'} end
keep(usageKey(KEYS[1], ARGV[1], owner), KEYS[2], ARGV[2], ARGV[3])
return {'counted'}
`,
};
