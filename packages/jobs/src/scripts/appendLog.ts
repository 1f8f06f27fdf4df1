// A line of the job's log, as an event.
import { appendFragment, fenceFragment, logFragment } from './fragments.ts';
import type { Script } from './script.ts';

/** KEYS: record, events. ARGV: attempt, job id, event channel, event data (JSON). Answers appended and the event's id, or stale. */
export const appendLog: Script = {
  name: 'trainyardAppendLog',
  lua: `${appendFragment}${logFragment}${fenceFragment}
return {'appended', log(KEYS[1], KEYS[2], ARGV[3], ARGV[2], ARGV[4])}
`,
};
