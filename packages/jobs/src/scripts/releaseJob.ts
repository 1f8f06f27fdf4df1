// A worker that shuts down hands a job back: it is queued again and the attempt does not count against it.
import { fenceFragment, statusFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * KEYS: record, events, waiting. ARGV: attempt, job id, event channel, now (RFC 3339).
 * Answers released; cancelled, when that was still to be done; or stale.
 */
export const releaseJob: Script = {
  name: 'trainyardReleaseJob',
  lua: `${statusFragment}${fenceFragment}
if status == 'cancelling' then
  finish(KEYS[1], KEYS[2], ARGV[3], ARGV[2], 'cancelled', ARGV[4])
  return {'cancelled'}
end
redis.call('HINCRBY', KEYS[1], 'fruitless', -1)
redis.call('HDEL', KEYS[1], 'phase')
redis.call('ZADD', KEYS[3], -(redis.call('HGET', KEYS[1], 'priority') or 0), ARGV[2])
enter(KEYS[1], KEYS[2], ARGV[3], ARGV[2], 'queued')
return {'released'}
`,
};
