// The command line of `npm run shares`.
import { parseArgs } from 'node:util';

export interface SharesOptions {
  /** How long all attacks take together, in seconds. */
  readonly seconds: number;
  /** The attacks to run, in this order. */
  readonly attacks: readonly string[];
  /** Memory of all processes of the service together, in bytes. Above it they are killed. */
  readonly memoryBytes: number;
  readonly workers: number;
  /** A file for the report. */
  readonly json: string | null;
}

/** @throws Error that shows how to call it */
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
