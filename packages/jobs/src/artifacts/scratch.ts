// Whose unfinished files are whose. Every process has a folder of its own, named after it, so that a starting process can
// tell what a crashed one left from what another is writing at this moment.
import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isProcessAlive } from '../processAlive.ts';

/** Folders of other machines cannot be asked about: older than this, nobody is writing there any more. */
const longestWriteMs = 24 * 60 * 60 * 1_000;

/** Those of this process, which are alive however the process is called. */
const own = new Set<string>();

/** A new name: `<host>~<process id>~<random>`. */
export function scratchName(): string {
  const name = [encodeURIComponent(hostname()), process.pid, randomUUID()].join('~');
  own.add(name);
  return name;
}

/** Removes the scratch folders under `root` whose process is gone. */
export async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (await isInUse(root, name)) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

async function isInUse(root: string, name: string): Promise<boolean> {
  if (own.has(name)) return true;
  const [host, pid] = name.split('~');
  // Our own id under another random name: a process before us had the id, as the first one in a container always has.
  if (host === encodeURIComponent(hostname())) return Number(pid) !== process.pid && isProcessAlive(Number(pid));
  const { mtimeMs } = await stat(join(root, name)).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < longestWriteMs;
}
