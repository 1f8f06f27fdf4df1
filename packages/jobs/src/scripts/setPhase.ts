// Sets the phase of a running job.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record.
 * - ARGV: attempt number, phase.
 * - Replies: `written`; `stale`.
 */
export const setPhase: Script = {
  name: 'trainyardSetPhase',
  lua: `${fenceFragment}
redis.call('HSET', KEYS[1], 'phase', ARGV[2])
return {'written'}
`,
};
