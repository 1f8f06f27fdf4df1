// Starts the attacker's process and tells it when to attack.
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

  begin(name: string, target: Omit<Target, 'note'>): void {
    this.#order({ begin: name, target });
  }

  /** Ends the attack. @throws Error when the process has ended by itself */
  async end(): Promise<AttackerReport> {
    const failed = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the attacker's process ended with ${String(code)}`);
    });
    const reported = once(this.#child, 'message').then(([report]) => report as AttackerReport);
    this.#order('end');
    return await Promise.race([reported, failed]);
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
