// `npm run bench -- engine`: the engine and PyTorch on the same workloads, slice by slice in turns, at the same number of
// threads; then the machine's own ceiling and each kernel's share of it.
//   [WORKLOAD …]     only these                        --threads 1   only rows at so many threads
//   --batch 64       only rows of this batch           --quick       short and few slices: for a look, not for a figure
//   --no-kernels     the comparison alone              --write FILE  puts the tables into the file, between its marks
// With TRAINYARD_RELAXED=1 ours are the kernels with fused multiply-adds, and the tables say so.
import { parseArgs } from 'node:util';
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine/spec';
import { readEnvironment } from '@trainyard/jobs';
import { quantile } from '../figure.ts';
import type { Output } from '../output.ts';
import { measureCeiling } from './ceiling.ts';
import type { KernelTime } from './kernelTimes.ts';
import { type MnistFiles, mnistFiles } from './mnistFiles.ts';
import { writeBetweenMarks } from '../marks.ts';
import { type Peer, findPeer, startOurs, startPeer } from './sides.ts';
import { kernelTable, type Measured, measuredTable, measuredText } from './tables.ts';
import { type Row, rows, type WorkloadName, workloadNames } from './workloads.ts';

interface Pace {
  readonly seconds: number;
  readonly slices: number;
}

const paces = { full: { seconds: 0.25, slices: 15 }, quick: { seconds: 0.1, slices: 5 } } satisfies Record<string, Pace>;

/** Rows whose kernels are looked into. */
const isProfiled = ({ workload, batch, threads }: Row): boolean =>
  threads === 1 && ((workload === 'lenet' && batch === 64) || (workload === 'cifar_vgg' && batch === 32) || workload === 'mnist_epoch');

export async function bench(output: Output, args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      threads: { type: 'string' },
      batch: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-kernels': { type: 'boolean', default: false },
      write: { type: 'string' },
    },
  });
  const unknown = positionals.find((name) => !workloadNames.includes(name as WorkloadName));
  if (unknown !== undefined) throw new Error(`there is no workload "${unknown}": name some of ${workloadNames.join(', ')}`);
  const chosen = rows.filter(
    ({ workload, batch, threads }) =>
      (positionals.length === 0 || positionals.includes(workload)) &&
      (values.threads ?? String(threads)) === String(threads) &&
      (values.batch ?? String(batch)) === String(batch),
  );
  const peer = await findPeer();
  if ('missing' in peer) output.note(`No comparison: ${peer.missing}. Only our own times follow.`);
  const { relaxed } = readEnvironment(process.env);
  const version = relaxed ? relaxedEngineVersion : engineVersion;
  output.note(`The engine is ${version}${relaxed ? ', with fused multiply-adds' : ''}.`);
  const files = await mnistFiles(process.env['TRAINYARD_DATASETS']);
  try {
    if (chosen.some(({ workload }) => workload === 'mnist_epoch')) output.note(`mnist_epoch: ${files.what}.`);
    const ceiling = values['no-kernels'] ? null : await measureCeiling(relaxed);
    const tables: string[] = [];
    const measured: Measured[] = [];
    for (const row of chosen) {
      const pace = values.quick ? paces.quick : paces.full;
      const { result, kernels } = await compare(row, peer, files, pace, { profile: ceiling !== null, relaxed });
      measured.push(result);
      output.tell({ ...recordOf(result), engineVersion: version }, measuredText(result, measured.length === 1));
      if (ceiling !== null && kernels !== null) tables.push(kernelTable(row, kernels, ceiling));
    }
    if (ceiling !== null) output.note(`\nOne core's ceiling: ${ceiling.toFixed(1)} GFLOP/s (f32x4 multiply-adds in registers)\n`);
    for (const table of tables) output.note(`${table}\n`);
    if (values.write !== undefined) await writeBetweenMarks(values.write, 'engine', measuredTable(measured, version, files.what, ceiling));
    if (values.write !== undefined && tables.length > 0) await writeBetweenMarks(values.write, 'kernels', tables.join('\n\n'));
  } finally {
    await files.close();
  }
}

/** What a program reads of a row. */
function recordOf({ row: { workload, batch, threads }, oursUs, peer, peerUs, ratio }: Measured): object {
  return { workload, batch, threads, oursUs, peer, peerUs, ratio };
}

/** Both sides in turns: first one begins, then the other. */
async function compare(
  row: Row,
  peer: Peer,
  { datasets, files }: MnistFiles,
  { seconds, slices }: Pace,
  { profile, relaxed }: { readonly profile: boolean; readonly relaxed: boolean },
) {
  const ours = await startOurs(row, seconds, datasets, relaxed);
  try {
    const other = 'python' in peer ? await startPeer(peer.python, row, seconds, files) : null;
    const [our, their]: [number[], number[]] = [[], []];
    try {
      for (let i = 0; i < slices; i++) {
        if (i % 2 === 0) our.push(await ours.slice());
        if (other !== null) their.push(await other.slice());
        if (i % 2 === 1) our.push(await ours.slice());
      }
    } finally {
      await other?.close();
    }
    const oursUs = round(quantile(our, 0.5));
    const peerUs = other === null ? null : round(quantile(their, 0.5));
    const ratio = peerUs === null ? null : Math.round((oursUs / peerUs) * 1_000) / 1_000;
    const kernels: readonly KernelTime[] | null = profile && isProfiled(row) ? await ours.profile() : null;
    return { result: { row, oursUs, peer: other?.name ?? null, peerUs, ratio }, kernels };
  } finally {
    await ours.close();
  }
}

const round = (us: number): number => Math.round(us * 10) / 10;
