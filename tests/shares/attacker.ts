// The attacker's process. It runs the attacks that attackerProcess.ts orders, one at a time. It has the lowest priority, because a real
// attacker would use another machine and would not slow down the neighbour's process.
import { setPriority } from 'node:os';
import type { Target } from './attacks/attack.ts';
import { attacks } from './attacks/index.ts';

export type AttackerOrder = { readonly begin: string; readonly target: Omit<Target, 'note'> } | 'end';

/** The results of an attack. */
export interface AttackerReport {
  /** The number of responses, by status or by another result such as `broken`. */
  readonly responses: Readonly<Record<string, number>>;
}

setPriority(19);
// If the run is killed, its attack must not continue.
process.once('disconnect', () => process.exit());
let current: { readonly stop: AbortController; readonly ended: Promise<void>; readonly responses: Record<string, number> } | undefined;

function begin(name: string, target: Omit<Target, 'note'>): void {
  const attack = attacks.find((candidate) => candidate.name === name);
  if (attack === undefined) throw new Error(`there is no attack named ${name}`);
  const responses: Record<string, number> = {};
  const note = (response: string): void => {
    responses[response] = (responses[response] ?? 0) + 1;
  };
  const stop = new AbortController();
  current = { stop, responses, ended: attack.run({ ...target, note }, stop.signal) };
}

async function end(): Promise<void> {
  current?.stop.abort(new Error('the attack is over'));
  await current?.ended;
  const report: AttackerReport = { responses: current?.responses ?? {} };
  process.send?.(report);
}

process.on('message', (message) => {
  const order = message as AttackerOrder;
  if (order === 'end') void end();
  else begin(order.begin, order.target);
});
