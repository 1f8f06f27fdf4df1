// Limits the memory of the service, from a process of its own that memoryWatch.ts starts. Every 100 ms it adds up the memory of the
// service's processes among the descendants of its parent, and kills all of them when the sum is above the limit. It also kills them when its
// parent has ended, so that no process is left behind.
import { kindOf } from './bounds.ts';
import { ProcessTree, type SampledProcess } from './processTree.ts';

export type WatcherMessage =
  /** The largest memory since the last report, in bytes: of one process of each kind, and of all together as `total`. */
  | { readonly peaks: Readonly<Record<string, number>> }
  /** The reason why the service was killed. */
  | { readonly exceeded: string };

const everyMs = 100;
const [limit = 0] = process.argv.slice(2).map(Number);
const tree = new ProcessTree(process.ppid);
let peaks: Record<string, number> = {};
let isOver = false;

/** Returns the processes of the service. */
const ours = (): SampledProcess[] => tree.sample().filter(({ command }) => kindOf(command) !== undefined);

function killAll(): void {
  for (const { pid } of ours()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended already.
    }
  }
}

function note(name: string, bytes: number): void {
  peaks[name] = Math.max(peaks[name] ?? 0, bytes);
}

function look(): void {
  const processes = ours();
  const total = processes.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { command, bytes } of processes) note(kindOf(command)?.name ?? '', bytes);
  note('total', total);
  if (total <= limit || isOver) return;
  isOver = true;
  killAll();
  const largest = processes.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
  const shown = largest.map(({ command, bytes }) => `${kindOf(command)?.name} ${Math.round(bytes / 2 ** 20)} MiB`).join(', ');
  tell({ exceeded: `all processes together used ${Math.round(total / 2 ** 20)} MiB and were killed (the largest: ${shown})` });
}

function tell(message: WatcherMessage): void {
  process.send?.(message);
}

const timer = setInterval(look, everyMs);
process.on('message', () => {
  look();
  tell({ peaks });
  peaks = {};
});
process.on('disconnect', () => {
  clearInterval(timer);
  killAll();
});
