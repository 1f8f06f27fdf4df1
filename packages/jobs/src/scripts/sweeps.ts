// The beginning and the end of a sweep's record.
import type { Script } from './script.ts';

/** KEYS: record, sweeps, the owner's sweeps, active sweeps. ARGV: id, field, value, …. Sent twice, it is one sweep. */
export const createSweep: Script = {
  name: 'trainyardCreateSweep',
  lua: `
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
return {'created'}
`,
};

/** KEYS: record, active sweeps. ARGV: id, status, now (RFC 3339). Answers ended, or before when it had. */
export const endSweep: Script = {
  name: 'trainyardEndSweep',
  lua: `
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('HSETNX', KEYS[1], 'status', ARGV[2]) == 0 then return {'before'} end
redis.call('HSET', KEYS[1], 'finishedAt', ARGV[3])
return {'ended'}
`,
};
