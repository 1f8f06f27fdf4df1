// Changes the record of an upload that is being read, unless it was deleted meanwhile.
import type { Script } from './script.ts';

/** KEYS: record. ARGV: how long it is kept then (ms), field, value, …. Answers updated, or missing for one that is gone or has ended. */
export const updateUpload: Script = {
  name: 'trainyardUpdateUpload',
  lua: `
if redis.call('HGET', KEYS[1], 'status') ~= 'processing' then return {'missing'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {'updated'}
`,
};
