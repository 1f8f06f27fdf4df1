// Renews the lease of a worker on a job. If the lease has expired, for example during an outage of Redis, and no other worker has claimed
// the job, the worker gets the lease again. So an outage does not interrupt a long training.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, lease, interrupted jobs.
 * - ARGV: attempt number, job id, duration of the lease (ms).
 * - Replies: `held`, status of the job; `stale`.
 */
export const renewLease: Script = {
  name: 'trainyardRenewLease',
  lua: `${fenceFragment}
-- A full Redis refuses SET, but not PEXPIRE.
if redis.call('PEXPIRE', KEYS[2], ARGV[3]) == 0 then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3]) end
redis.call('ZREM', KEYS[3], ARGV[2])
return {'held', status}
`,
};
