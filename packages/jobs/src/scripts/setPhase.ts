// What the running job is doing now.
import { fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/** KEYS: record. ARGV: attempt, phase. Answers written or stale. */
export const setPhase: Script = {
  name: 'trainyardSetPhase',
  lua: `${fenceFragment}
redis.call('HSET', KEYS[1], 'phase', ARGV[2])
return {'written'}
`,
};
