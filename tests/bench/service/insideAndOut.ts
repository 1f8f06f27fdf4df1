// A process that trains a spec in turns with and without telling what it looks like from inside, and answers what each took: the
// median of the processor's seconds, which others on the machine disturb less than the clock's.
import { train } from '@trainyard/engine';
import type { JobSpec } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { quantile } from '../figure.ts';

const spec = JSON.parse(process.argv[2] ?? '') as JobSpec;
const turns = Number(process.argv[3]);

async function secondsOf(inspect: boolean): Promise<number> {
  const before = process.cpuUsage();
  const events = train(spec, { files: new NodeDatasetFiles({ folders: [], home: '' }), inspect });
  while ((await events.next()).done !== true);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const [inside, out]: [number[], number[]] = [[], []];
for (const inspect of [true, false]) await secondsOf(inspect);
for (let turn = 0; turn < turns; turn++) {
  inside.push(await secondsOf(true));
  out.push(await secondsOf(false));
}
process.send?.({ inside: quantile(inside, 0.5), out: quantile(out, 0.5) }, () => process.disconnect());
