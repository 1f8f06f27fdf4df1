// Finds the descendants of a process and measures their memory: on Linux in /proc, on other systems with `ps`.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface SampledProcess {
  readonly pid: number;
  readonly command: string;
  /** The resident memory. */
  readonly bytes: number;
}

interface Known {
  readonly parent: number;
  command: string;
}

export class ProcessTree {
  readonly #root: number;
  /** The processes of the machine by id. On Linux the parent of a process is read only once. */
  readonly #known = new Map<number, Known>();

  constructor(root: number) {
    this.#root = root;
  }

  /** Returns all descendants of the root that run now. */
  sample(): SampledProcess[] {
    return process.platform === 'linux' ? this.#fromProc() : this.#fromPs();
  }

  #fromProc(): SampledProcess[] {
    const pids = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
    const running = new Set(pids);
    for (const pid of this.#known.keys()) if (!running.has(pid)) this.#known.delete(pid);
    for (const pid of pids) if (!this.#known.has(pid)) this.#known.set(pid, { parent: parentOf(pid), command: commandOf(pid) });
    return pids.filter((pid) => this.#descends(pid)).flatMap((pid) => this.#sampleOf(pid));
  }

  #sampleOf(pid: number): SampledProcess[] {
    const known = this.#known.get(pid);
    const bytes = residentBytes(pid);
    if (known === undefined || bytes === null) return [];
    // A process that was just forked still has its parent's command line.
    known.command = commandOf(pid) || known.command;
    return [{ pid, command: known.command, bytes }];
  }

  #descends(pid: number): boolean {
    for (let parent = this.#known.get(pid)?.parent; parent !== undefined; parent = this.#known.get(parent)?.parent) {
      if (parent === this.#root) return true;
    }
    return false;
  }

  #fromPs(): SampledProcess[] {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,command='], { encoding: 'utf8' }).split('\n');
    const all = lines.flatMap((line) => {
      const [, pid, parent, kibibytes, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), bytes: Number(kibibytes) * 1_024, command: command ?? '' }];
    });
    this.#known.clear();
    for (const { pid, parent, command } of all) this.#known.set(pid, { parent, command });
    return all.filter(({ pid }) => this.#descends(pid));
  }
}

/** Reads a file of a process in /proc; '' if the process has ended. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

const parentOf = (pid: number): number => Number(/^PPid:\s*(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? 0);
const commandOf = (pid: number): string => read(pid, 'cmdline').replaceAll('\0', ' ').trim();

/** Returns the resident memory of a process; null if it has ended. */
function residentBytes(pid: number): number | null {
  const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(read(pid, 'status'))?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
}
