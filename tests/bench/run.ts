// `npm run bench -- AREA [ARGUMENT …] [--json]`: measures. With --json a line of JSON for each finding on stdout and
// nothing else; without, a table. What is measured, how, and with which arguments, is each area's own.
import { type Output, outputTo } from './output.ts';

type Bench = (output: Output, args: readonly string[]) => Promise<void>;

const areas: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  service: async () => await import('./service/bench.ts'),
  engine: async () => await import('./engine/bench.ts'),
  scaling: async () => await import('./scaling/bench.ts'),
};

const [name = '', ...args] = process.argv.slice(2).filter((argument) => argument !== '--json');
if (!Object.hasOwn(areas, name)) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(areas).join('|')} [ARGUMENT …] [--json]\n`);
  process.exit(1);
}
const { bench } = await areas[name]();
await bench(outputTo(process.argv.includes('--json')), args);
