// A thread of a process with a bound on its memory: one that predicts or reads an upload. It works while the main thread computes, and
// kills the process when it has too much memory or when its parent is gone.
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

/** Between two looks, in ms. */
const lookMs = 25;

const { memoryBytes, parent } = workerData as { readonly memoryBytes: number; readonly parent: number };

setInterval(() => {
  const bytes = process.memoryUsage.rss();
  if (bytes > memoryBytes) {
    writeSync(2, `out of memory: ${bytes} bytes, and there are at most ${memoryBytes}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, lookMs);
