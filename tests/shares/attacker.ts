// The process of the attacker, so that what it does costs the neighbour's clients no time. It runs one attack at a time, as
// attackerProcess.ts says, with the lowest priority: in a real installation it would be another machine.
import { setPriority } from 'node:os';
import type { Target } from './attacks/attack.ts';
import { attacks } from './attacks/index.ts';

export type AttackerOrder = { readonly begin: string; readonly target: Omit<Target, 'note'> } | 'end';

/** How the attack's requests were answered, by status. */
export interface AttackerReport {
  readonly answers: Readonly<Record<string, number>>;
}

setPriority(19);
let current: { readonly stop: AbortController; readonly ended: Promise<void>; readonly answers: Record<string, number> } | undefined;

function begin(name: string, target: Omit<Target, 'note'>): void {
  const attack = attacks.find((candidate) => candidate.name === name);
  if (attack === undefined) throw new Error(`there is no attack ${name}`);
  const answers: Record<string, number> = {};
  const note = (answer: string): void => {
    answers[answer] = (answers[answer] ?? 0) + 1;
  };
  const stop = new AbortController();
  current = { stop, answers, ended: attack.run({ ...target, note }, stop.signal) };
}

async function end(): Promise<void> {
  current?.stop.abort(new Error('the attack is over'));
  await current?.ended;
  const report: AttackerReport = { answers: current?.answers ?? {} };
  process.send?.(report);
}

process.on('message', (message) => {
  const order = message as AttackerOrder;
  if (order === 'end') void end();
  else begin(order.begin, order.target);
});
