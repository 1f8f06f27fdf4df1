// Appends a line to the job's log, as an event.
import { appendFragment, fenceFragment, logFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, events.
 * - ARGV: attempt number, job id, event channel, event data (JSON).
 * - Replies: `appended`, event id; `stale`.
 */
export const appendLog: Script = {
  name: 'trainyardAppendLog',
  lua: `${appendFragment}${logFragment}${fenceFragment}
return {'appended', log(KEYS[1], KEYS[2], ARGV[3], ARGV[2], ARGV[4])}
`,
};
