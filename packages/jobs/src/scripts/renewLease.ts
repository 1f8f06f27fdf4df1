// The sign of life of a worker that runs a job. It extends the lease, and takes it again where it ran out while nobody else took the job
// (Redis was away): a long training is not thrown away for that.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, lease, interrupted jobs. ARGV: attempt, job id, lease (ms).
 * Answers held and the job's status; or stale.
 */
export const renewLease: Script = {
  name: 'trainyardRenewLease',
  lua: `${fenceFragment}
-- SET is refused while the memory is used up.
if redis.call('PEXPIRE', KEYS[2], ARGV[3]) == 0 then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3]) end
redis.call('ZREM', KEYS[3], ARGV[2])
return {'held', status}
`,
};
