// `npm run bench -- AREA [--json]`: measures. With --json a line of JSON for each figure on stdout and nothing else;
// without, a table. What is measured, and how, is each area's own.
import { parseArgs } from 'node:util';
import type { Figure } from './figure.ts';

/** Each area tells its figures as it comes by them. */
const areas: Readonly<
  Record<string, () => Promise<{ bench: (tell: (figure: Figure) => void, only: readonly string[]) => Promise<void> }>>
> = {
  service: async () => await import('./service/bench.ts'),
};

const { values, positionals } = parseArgs({ options: { json: { type: 'boolean', default: false } }, allowPositionals: true });
const [name = '', ...only] = positionals;
const area = areas[name];
if (area === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(areas).join('|')} [METRIC …] [--json]\n`);
  process.exit(1);
}
const { bench } = await area();
await bench((figure) => {
  if (values.json) process.stdout.write(`${JSON.stringify(figure)}\n`);
  else
    process.stdout.write(
      `${figure.metric.padEnd(36)}${figure.value.toLocaleString('en', { maximumFractionDigits: 3 }).padStart(12)} ${figure.unit}\n`,
    );
}, only);
