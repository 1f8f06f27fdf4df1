// Parses the command line of `npm run shares`.
import { parseArgs } from 'node:util';

export interface SharesOptions {
  /** The duration of all attacks together, in seconds. Default: 300. */
  readonly seconds: number;
  /** The names of the attacks to run, in this order. Default: all. */
  readonly attacks: readonly string[];
  /** The memory that all processes of the service may use together, in bytes. Above it they are killed. Default: 8 GiB. */
  readonly memoryBytes: number;
  /** The number of worker processes. Default: 2. */
  readonly workers: number;
  /** The file that the report is written to, as JSON; null for none. */
  readonly json: string | null;
}

/** Parses the options. @param names the names of all attacks @throws Error with the usage if an option is wrong */
export function readOptions(args: readonly string[], names: readonly string[]): SharesOptions {
  const usage = `usage: npm run shares -- [--minutes N] [--only NAME]… [--memory GIB] [--workers N] [--json FILE]\nattacks: ${names.join(', ')}`;
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true, default: [] },
      memory: { type: 'string', default: '8' },
      workers: { type: 'string', default: '2' },
      json: { type: 'string' },
    },
  });
  const [minutes, gibibytes, workers] = [values.minutes, values.memory, values.workers].map(Number) as [number, number, number];
  const isKnown = values.only.every((name) => names.includes(name));
  if (!isKnown || !(minutes > 0) || !(gibibytes > 0) || !Number.isInteger(workers) || workers < 1) throw new Error(usage);
  return {
    seconds: minutes * 60,
    attacks: values.only.length === 0 ? names : values.only,
    memoryBytes: gibibytes * 2 ** 30,
    workers,
    json: values.json ?? null,
  };
}
