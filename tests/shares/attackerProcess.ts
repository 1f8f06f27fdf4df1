// Starts the attacker's process and sends it orders.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AttackerOrder, AttackerReport } from './attacker.ts';
import type { Target } from './attacks/attack.ts';

export class AttackerProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./attacker.ts', import.meta.url)));
  }

  /** Starts an attack. At most one may run. */
  begin(name: string, target: Omit<Target, 'note'>): void {
    this.#order({ begin: name, target });
  }

  /** Ends the attack and returns its results. @throws Error if the process ended by itself */
  async end(): Promise<AttackerReport> {
    const reported = new AbortController();
    const { signal } = reported;
    const failure = once(this.#child, 'exit', { signal }).then(([code]) => {
      throw new Error(`the attacker's process ended with ${String(code)}`);
    });
    const report = once(this.#child, 'message', { signal }).then(([message]) => message as AttackerReport);
    this.#order('end');
    try {
      return await Promise.race([report, failure]);
    } finally {
      // Removes the listeners for the event that did not happen.
      reported.abort();
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #order(order: AttackerOrder): void {
    this.#child.send(order);
  }
}
