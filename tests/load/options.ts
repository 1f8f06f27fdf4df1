// The command line of a load run: `npm run load -- --seed 1 --seconds 60 --clients 16 --crowd 1000`.
import { parseArgs } from 'node:util';

export interface LoadOptions {
  /** Determines the actions of every client and their order, but not how the requests of the clients interleave. */
  readonly seed: number;
  /** How long clients start new actions, in seconds. They finish the started ones. */
  readonly seconds: number;
  readonly clients: number;
  /** The number of readers that lose their streams and reconnect at the same time. As many other clients never read. */
  readonly crowd: number;
}

const usage = 'usage: npm run load -- [--seed N] [--seconds N] [--clients N] [--crowd N]';

/** Reads the command line. @throws Error with the usage */
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
