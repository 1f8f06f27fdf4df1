// All attacks, in the order in which they run.
import type { Attack } from './attack.ts';
import { bodies, exports, history, predictions, sweeps } from './computing.ts';
import { connections, dripping, queue, streams, uploads, webhooks } from './waiting.ts';

const each: readonly Attack[] = [predictions, sweeps, webhooks, queue, uploads, dripping, history, bodies, streams, exports, connections];

const all: Attack = {
  name: 'all',
  what: 'all attacks at the same time',
  run: async (target, signal) => {
    await Promise.all(each.map(async (attack) => await attack.run(target, signal)));
  },
};

export const attacks: readonly Attack[] = [...each, all];
