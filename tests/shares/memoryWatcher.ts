// A process of its own that holds the service to its memory: it looks at all descendants of the process that started it every 100 ms,
// and kills those that belong to the service when they have more memory together than they may. It does the same when the process that
// started it is gone, so that nothing is left behind. Started by memoryWatch.ts.
import { kindOf } from './bounds.ts';
import { ProcessTree, type SampledProcess } from './processTree.ts';

export type WatcherMessage =
  /** The most that was seen since the last report: of one process of each kind, and of all together under `total`. */
  | { readonly peaks: Readonly<Record<string, number>> }
  /** The service was killed. */
  | { readonly exceeded: string };

const everyMs = 100;
const [limit = 0] = process.argv.slice(2).map(Number);
const tree = new ProcessTree(process.ppid);
let peaks: Record<string, number> = {};
let isOver = false;

const ours = (): SampledProcess[] => tree.sample().filter(({ command }) => kindOf(command) !== undefined);

function killAll(): void {
  for (const { pid } of ours()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
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
  tell({ exceeded: `all processes together had ${Math.round(total / 2 ** 20)} MiB and were killed (the largest: ${shown})` });
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
