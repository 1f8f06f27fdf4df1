// Starts the process that holds the service to its memory, and asks it what it saw.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WatcherMessage } from './memoryWatcher.ts';

export type Peaks = Readonly<Record<string, number>>;

export class MemoryWatch {
  readonly #child: ChildProcess;
  /** Why the service was killed; null while it was not. */
  exceeded: string | null = null;
  #onPeaks: ((peaks: Peaks) => void) | undefined;

  /** @param bytes of all processes of the service together */
  constructor(bytes: number) {
    this.#child = fork(fileURLToPath(new URL('./memoryWatcher.ts', import.meta.url)), [String(bytes)]);
    this.#child.on('message', (message) => {
      const received = message as WatcherMessage;
      if ('exceeded' in received) this.exceeded = received.exceeded;
      else this.#onPeaks?.(received.peaks);
    });
  }

  /** The most memory of one process of each kind, and of all together, since the last call. */
  async takePeaks(): Promise<Peaks> {
    const { promise, resolve } = Promise.withResolvers<Peaks>();
    this.#onPeaks = resolve;
    this.#child.send('peaks');
    return await promise;
  }

  /** Ends the watch. What still runs of the service is killed. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }
}
