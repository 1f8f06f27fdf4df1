// Starts the process that limits the memory of the service (memoryWatcher.ts), and reads its measurements.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WatcherMessage } from './memoryWatcher.ts';

/** The largest memory, in bytes, of one process of each kind, and of all processes together as `total`. */
export type Peaks = Readonly<Record<string, number>>;

export class MemoryWatch {
  readonly #child: ChildProcess;
  /** Why the watcher killed the service; null if it did not. */
  exceeded: string | null = null;
  #onPeaks: ((peaks: Peaks) => void) | undefined;

  /** @param bytes the limit for all processes of the service together */
  constructor(bytes: number) {
    this.#child = fork(fileURLToPath(new URL('./memoryWatcher.ts', import.meta.url)), [String(bytes)]);
    this.#child.on('message', (message) => {
      const received = message as WatcherMessage;
      if ('exceeded' in received) this.exceeded = received.exceeded;
      else this.#onPeaks?.(received.peaks);
    });
  }

  /** Returns the largest memory that was measured since the last call. */
  async takePeaks(): Promise<Peaks> {
    const { promise, resolve } = Promise.withResolvers<Peaks>();
    this.#onPeaks = resolve;
    this.#child.send('peaks');
    return await promise;
  }

  /** Ends the watch. Kills the processes of the service that still run. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }
}
