// Finds the processes of a test by a mark in their environment, which their descendants inherit. Without vitest, so that programs can use it.
import { readdirSync, readFileSync } from 'node:fs';

/** Whether the environments of processes can be read. Only Linux allows this. Tests that look for remaining processes need it. */
export const seesProcesses = process.platform === 'linux';

/** Returns the ids of the processes whose environment contains the entry, without zombies. None on systems other than Linux. */
export function processesWith(entry: string): number[] {
  if (!seesProcesses) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(entry);
      } catch {
        // The process has just ended, or it belongs to another user.
        return false;
      }
    });
}
