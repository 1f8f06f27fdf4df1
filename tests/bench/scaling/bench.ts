// `npm run bench -- scaling`: how the time of a step grows with the batch, with depth and with the images' size, on one
// thread. With --write FOLDER it draws a chart for each into that folder, and writes the table into its performance.md.
//   --quick   a glance instead of a measurement
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { setBackend, WasmBackend } from '@trainyard/engine';
import { writeBetweenMarks } from '../marks.ts';
import { steps, vggStep } from '../engine/training.ts';
import { summarized, vgg } from '../engine/workloads.ts';
import { quantile } from '../figure.ts';
import type { Output } from '../output.ts';
import { type Curve, chart } from './chart.ts';

/** One network and batch on a curve. */
interface Point {
  readonly x: number;
  readonly channels: readonly number[];
  readonly batch: number;
  readonly side: number;
}

interface Series {
  readonly name: string;
  readonly title: string;
  readonly axis: string;
  readonly points: readonly Point[];
}

const batches = Array.from({ length: 10 }, (_, power) => 2 ** power);

/** cifar_vgg, and what becomes of it as one thing grows. */
const series: readonly Series[] = [
  {
    name: 'batch',
    title: 'cifar_vgg: µs a sample over the batch',
    axis: 'samples in a batch',
    points: batches.map((batch) => ({ x: batch, channels: [32, 64], batch, side: 32 })),
  },
  {
    name: 'depth',
    title: 'Blocks of two 3×3 convolutions and pooling: µs a sample over their number',
    axis: 'blocks of 32 channels',
    points: [1, 2, 3, 4, 5].map((blocks) => ({ x: blocks, channels: Array.from({ length: blocks }, () => 32), batch: 16, side: 32 })),
  },
  {
    name: 'image-size',
    title: 'cifar_vgg: µs a sample over the side of its images',
    axis: 'side of an image, pixels',
    points: [8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96].map((side) => ({ x: side, channels: [32, 64], batch: 8, side })),
  },
];

interface Measured extends Point {
  readonly usPerStep: number;
  readonly gflops: number;
}

export async function bench(output: Output, args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { quick: { type: 'boolean', default: false }, write: { type: 'string' } } });
  const [slices, ms] = values.quick ? [3, 30] : [7, 150];
  const tables: string[] = [];
  for (const { name, title, axis, points } of series) {
    output.note(`\n${title}\n${'x'.padStart(6)}${'µs a step'.padStart(14)}${'µs a sample'.padStart(14)}${'GFLOP/s'.padStart(10)}`);
    const measured: Measured[] = [];
    for (const point of points) {
      const found = await measure(point, slices, ms);
      measured.push(found);
      const { x, usPerStep, gflops, batch } = found;
      const text = `${String(x).padStart(6)}${usPerStep.toFixed(0).padStart(14)}${(usPerStep / batch).toFixed(1).padStart(14)}${gflops.toFixed(1).padStart(10)}`;
      output.tell({ series: name, x, batch, usPerStep, usPerSample: usPerStep / batch, gflops }, text);
    }
    tables.push(tableOf(title, axis, measured));
    if (values.write === undefined) continue;
    const curve: Curve = {
      title,
      xAxis: axis,
      yAxis: 'µs a sample',
      points: measured.map(({ x, usPerStep, batch }) => ({ x, y: usPerStep / batch })),
    };
    await writeFile(join(values.write, `scaling-${name}.svg`), chart(curve));
  }
  if (values.write !== undefined) await writeBetweenMarks(join(values.write, 'performance.md'), 'scaling', tables.join('\n\n'));
}

/** The median of some slices, each of at least so many ms: of the processor's time, so that who shares the machine counts less. */
async function measure(point: Point, slices: number, ms: number): Promise<Measured> {
  setBackend(new WasmBackend());
  const { channels, batch, side } = point;
  const run = steps(vggStep(vgg(channels), batch, side));
  const times: number[] = [];
  for (let slice = 0; slice <= slices; slice++) {
    const start = process.cpuUsage();
    let [taken, count] = [0, 0];
    while (taken < ms) {
      const part = await run();
      taken += part.ms;
      count += part.steps;
    }
    const { user, system } = process.cpuUsage(start);
    // The first one warms up.
    if (slice > 0) times.push((user + system) / count);
  }
  const usPerStep = quantile(times, 0.5);
  const multiplyAdds = summarized(vgg(channels), [3, side, side]).reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  return { ...point, usPerStep, gflops: (6 * multiplyAdds * batch) / usPerStep / 1e3 };
}

function tableOf(title: string, axis: string, measured: readonly Measured[]): string {
  const cells = (values: readonly (string | number)[]): string => `| ${values.join(' | ')} |`;
  return [
    title,
    '',
    cells([axis, ...measured.map(({ x }) => x)]),
    cells(['---', ...measured.map(() => '---')]),
    cells(['µs a sample', ...measured.map(({ usPerStep, batch }) => (usPerStep / batch).toFixed(0))]),
    cells(['GFLOP/s', ...measured.map(({ gflops }) => gflops.toFixed(0))]),
  ].join('\n');
}
