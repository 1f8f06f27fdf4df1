// The thread of renames.ts: replaces the matches of regular expressions in names, within a time. A regular expression of a user can take
// for ever, and only the timeout of a script in node:vm stops it.
import { createContext, Script } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import type { RenamesDone, RenamesGiven } from './renames.ts';

if (parentPort === null) throw new Error('this module is the entry of a thread');

const { names, renames, timeoutMs, mostAttempts, longestName } = workerData as RenamesGiven;

/** The state of the script. `at` is the index of the rename that it applies now. */
const state = { names: [...names], at: 0, matched: [] as boolean[] };

const script = new Script(`
  state.names = names;
  state.matched = [];
  for (state.at = 0; state.at < renames.length; state.at++) {
    const { from, to } = renames[state.at];
    const expression = new RegExp(from, 'g');
    let matches = false;
    state.names = state.names.map((name) => {
      const renamed = name.replace(expression, to);
      if (renamed.length > longestName) throw new RangeError('a name is too long');
      matches ||= renamed !== name || name.search(expression) !== -1;
      return renamed;
    });
    state.matched.push(matches);
  }
`);

/** Node 22 has no `threadCpuUsage`. */
const measured: { threadCpuUsage?(): NodeJS.CpuUsage } = process;

/** Returns the processor time that this thread has used, in milliseconds; null if it is not known. */
function usedMs(): number | null {
  const usage = measured.threadCpuUsage?.();
  return usage === undefined ? null : (usage.user + usage.system) / 1000;
}

const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/**
 * Runs the script. The timeout is a time of the clock, in which a thread of a busy machine may not have run. So the script runs again until it
 * ends, or until the thread has used the time.
 */
function apply(): RenamesDone {
  const context = createContext({ state, names, renames, longestName });
  const before = usedMs();
  for (let attempt = 1; ; attempt++) {
    try {
      script.runInContext(context, { timeout: timeoutMs });
      return { outcome: 'done', names: [...state.names], unmatched: renames.flatMap((_, index) => (state.matched[index] ? [] : [index])) };
    } catch (error) {
      if (!isTimeout(error)) return { outcome: 'tooLong', index: state.at };
      const now = usedMs();
      const isOver = now === null || before === null ? attempt === mostAttempts : now - before >= timeoutMs;
      if (isOver) return { outcome: 'timeout', index: state.at };
    }
  }
}

parentPort.postMessage(apply(), []);
