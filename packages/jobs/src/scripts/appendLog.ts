// A line of the job's log, as an event.
import { appendFragment, fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/** KEYS: record, events. ARGV: attempt, job id, event channel, event data (JSON). Answers appended and the event's id, or stale. */
export const appendLog: Script = {
  name: 'trainyardAppendLog',
  lua: `${appendFragment}${fenceFragment}
return {'appended', append(KEYS[2], ARGV[3], ARGV[2], 'log', ARGV[4])}
`,
};
