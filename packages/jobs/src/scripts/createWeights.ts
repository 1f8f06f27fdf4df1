// Records uploaded weights whose file was put by under a reservation, which ends with that.
import type { Script } from './script.ts';

/** KEYS: record, remains. ARGV: id, field, value, …. Answers created (again, when it is sent twice) or expired. */
export const createWeights: Script = {
  name: 'trainyardCreateWeights',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 1 then return {'created'} end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return {'expired'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return {'created'}
`,
};
