// What a load run is asked for, on the command line: `npm run load -- --seed 1 --seconds 60 --clients 16 --crowd 1000`.
import { parseArgs } from 'node:util';

export interface LoadOptions {
  /** Decides what every client does, and in which order; how their requests interleave does not come from it. */
  readonly seed: number;
  /** How long clients begin new things; they finish what they began. */
  readonly seconds: number;
  readonly clients: number;
  /** Readers of one job that lose their streams at once and come back at once, and as many that never read. */
  readonly crowd: number;
}

const usage = 'usage: npm run load -- [--seed N] [--seconds N] [--clients N] [--crowd N]';

/** @throws Error that says how it is used */
export function readOptions(args: readonly string[]): LoadOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      clients: { type: 'string', default: '16' },
      crowd: { type: 'string', default: '1000' },
    },
  });
  const drawn = Math.floor(Math.random() * 2 ** 32);
  const [seed, seconds, clients, crowd] = [values.seed ?? drawn, values.seconds, values.clients, values.crowd].map(Number);
  const isSeed = Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32;
  const areCounts = Number.isInteger(clients) && clients >= 1 && Number.isInteger(crowd) && crowd >= 0;
  if (!isSeed || !(seconds > 0) || !areCounts) throw new Error(usage);
  return { seed, seconds, clients, crowd };
}
