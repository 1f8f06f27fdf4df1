// Changes the record of an upload that is being read.
import type { Script } from './script.ts';

/**
 * - KEYS: record.
 * - ARGV: lifetime of the record from now on (ms); then field, value, ….
 * - Replies: `updated`; `missing` if the upload was deleted or is no longer being read.
 */
export const updateUpload: Script = {
  name: 'trainyardUpdateUpload',
  lua: `
if redis.call('HGET', KEYS[1], 'status') ~= 'processing' then return {'missing'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {'updated'}
`,
};
