// A worker thread that limits the memory of a process that predicts or reads uploads. The thread kills the
// process when the process uses too much memory or its parent has ended, even while the main thread is busy. It sends a message after the
// first check, so that a process can wait for it before it takes work.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** The pause between two checks, in ms. */
const checkMs = 25;

const { memoryBytes, parent } = workerData as { readonly memoryBytes: number; readonly parent: number };

function check(): void {
  const bytes = process.memoryUsage.rss();
  if (bytes > memoryBytes) {
    writeSync(2, `out of memory: ${bytes} bytes are in use, but at most ${memoryBytes} are allowed\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}

check();
parentPort?.postMessage('checked', []);
setInterval(check, checkMs);
