// The memory that a process of a test has used at most. Linux only: the tests that need it are skipped elsewhere.
import { readFileSync } from 'node:fs';

/** Returns the peak of the resident memory of a process, in bytes. @throws Error if the process is gone, or if the system does not show it */
export function peakMemoryOf(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no peak of its memory: it has ended`);
  return 1_024 * Number(kibibytes);
}
