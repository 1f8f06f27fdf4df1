// `npm run bench -- service`: the service's figures, each on processes of its own: how fast it takes jobs, trains small ones and
// tells of them, and what it costs over the bare engine.
//   [MEASURE …]   only these, by name        --write FILE   puts all figures into the file, between its marks
import { parseArgs } from 'node:util';
import { checkSpec } from '@trainyard/engine/spec';
import { type Figure, quantile } from '../figure.ts';
import { writeBetweenMarks } from '../marks.ts';
import type { Output } from '../output.ts';
import { ended, elsewhere, heard, type Rig, readTutorial, startRig, submit } from './rig.ts';
import { deliveryFigures } from './delivery.ts';
import { listFigures } from './lists.ts';
import { engineJob, overEngine } from './overEngine.ts';
import { reactionFigures } from './reactions.ts';

type Measure = (rig: Rig) => AsyncGenerator<Figure>;

/** By the beginning of the metrics' names. */
const measures: Readonly<Record<string, Measure>> = {
  postsPerSecond,
  firstEpoch,
  tutorialJobs,
  serviceOverEngine: overEngine,
  inside: insideFigures,
  reactions: reactionFigures,
  eventDelivery: deliveryFigures,
  list: listFigures,
};

/** What each figure is, and what it is meant to be at most, or with a rate at least. */
const known: Readonly<Record<string, readonly [what: string, target?: number]>> = {
  postsPerSecond: ['POST /jobs a second, without training', 3_000],
  firstEpochP50: ["POST to the first epoch's event of a tutorial job, p50", 150],
  firstEpochP99: ["POST to the first epoch's event of a tutorial job, p99"],
  tutorialJobsPerSecond: ['tutorial jobs (20 epochs of one sample) a second, the whole machine', 50],
  bareEngineSeconds: ['a longer training on the engine alone'],
  serviceSeconds: ['the same training as a job'],
  serviceOverEngine: ['the time of the job divided by that of the engine alone', 1.05],
  insideShareOfTraining: ['keeping gradients and evaluations, share of a usual training'],
  insideTutorialJob: ['keeping gradients and evaluations, time in a tutorial job of 20 epochs'],
  cancelP50: ['from the request to cancel a running job to its end, p50'],
  cancelLongest: ['from the request to cancel a running job to its end, the longest of 20', 1_000],
  takeOver: ["from a worker's death to the next attempt, if there is another worker", 15_000],
  eventDeliveryP99At100: ['an event to 100 SSE clients, p99', 250],
  redisConnectionsMoreAt100: ['additional Redis connections for these clients', 0],
  eventDeliveryP99At1000: ['an event to 1,000 SSE clients, p99', 250],
  redisConnectionsMoreAt1000: ['additional Redis connections for these clients', 0],
  eventDeliveryP99At10000: ['an event to 10,000 SSE clients, p99', 250],
  redisConnectionsMoreAt10000: ['additional Redis connections for these clients', 0],
  listP99: ['GET /jobs with 100,000 jobs stored, page after page, p99', 20],
  listByStatusP99: ['the same, by a status that all jobs have', 20],
  listByRareStatusP99: ['the same, by a status that no job has', 20],
  listByLabelP99: ['the same, by a label', 20],
  listByLabelAndStatusP99: ['the same, by a label and a status', 20],
  listByTimeP99: ['the same, by time', 20],
  listLongestPageP99: ['the same, with 100 jobs a page instead of 20'],
};

/** @throws Error for a measure that there is none of, and for figures to write that are not all there. */
export async function bench(output: Output, args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { write: { type: 'string' } } });
  const unknown = positionals.find((name) => !Object.hasOwn(measures, name));
  if (unknown !== undefined) throw new Error(`there is no measure "${unknown}": name some of ${Object.keys(measures).join(', ')}`);
  if (values.write !== undefined && positionals.length > 0) throw new Error('--write wants all measures: name none');
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const rig = await startRig();
    try {
      for await (const figure of measure(rig)) {
        figures.push(figure);
        output.tell(figure, lineOf(figure));
      }
    } finally {
      await rig.close();
    }
  }
  if (values.write !== undefined) await writeBetweenMarks(values.write, 'service', tableOf(figures));
}

const rounded = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 3 : 0 });

const lineOf = ({ metric, value, unit }: Figure): string => `${metric.padEnd(36)}${rounded(value).padStart(12)} ${unit}`;

function tableOf(figures: readonly Figure[]): string {
  const lines = figures.map(({ metric, value, unit }) => {
    const [what, target] = known[metric] ?? [metric];
    const bound = target === undefined ? '' : `${unit === '1/s' ? '≥' : '≤'} ${rounded(target)}`;
    return `| ${what} | \`${metric}\` | ${rounded(value)} ${unit} | ${bound} |`;
  });
  return ['| figure | metric | measured | target |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** POST /jobs on 32 connections, no worker. */
async function* postsPerSecond({ url }: Rig): AsyncGenerator<Figure> {
  const body = JSON.stringify(await readTutorial());
  const post = async (seconds: number) => await elsewhere<{ perSecond: number }>('./poster.ts', [url, body, String(seconds), '32']);
  await post(2);
  const rates = [await post(4), await post(4), await post(4)].map(({ perSecond }) => perSecond);
  yield { metric: 'postsPerSecond', value: Math.round(quantile(rates, 0.5)), unit: '1/s' };
}

/** From sending a tutorial job to having heard of its first epoch, one job at a time on an idle worker. */
async function* firstEpoch(rig: Rig): AsyncGenerator<Figure> {
  await rig.startWorker();
  const tutorial = await readTutorial();
  const delays: number[] = [];
  for (let run = 0; run < 40; run++) {
    const start = performance.now();
    const id = await submit(rig.url, tutorial);
    await heard(rig.url, id, /event: epoch/);
    delays.push(performance.now() - start);
    await ended(rig.url, id);
  }
  yield { metric: 'firstEpochP50', value: quantile(delays, 0.5), unit: 'ms' };
  yield { metric: 'firstEpochP99', value: quantile(delays, 0.99), unit: 'ms' };
}

/** The tutorial's 20 epochs of one sample, as many jobs as come through two at a time. */
async function* tutorialJobs(rig: Rig): AsyncGenerator<Figure> {
  await rig.startWorker(2);
  const tutorial = await readTutorial();
  const run = async (count: number): Promise<number> => {
    const start = performance.now();
    const ids = await Promise.all(Array.from({ length: count }, async () => await submit(rig.url, tutorial)));
    await Promise.all(ids.slice(-4).map(async (id) => await ended(rig.url, id)));
    return (count / (performance.now() - start)) * 1_000;
  };
  await run(50);
  const rates = [await run(200), await run(200), await run(200)];
  yield { metric: 'tutorialJobsPerSecond', value: quantile(rates, 0.5), unit: '1/s' };
}

/** What gradients and evaluations cost in the engine: of a usual training a share, of the tutorial's single samples time. */
async function* insideFigures(): AsyncGenerator<Figure> {
  const measured = async (spec: unknown, turns: number) =>
    await elsewhere<{ inside: number; out: number }>('./insideAndOut.ts', [JSON.stringify(checkSpec(spec).spec), String(turns)]);
  const usual = await measured({ ...engineJob, epochs: 2 }, 7);
  yield { metric: 'insideShareOfTraining', value: usual.inside / usual.out - 1, unit: 'share' };
  const tutorial = await measured(await readTutorial(), 100);
  yield { metric: 'insideTutorialJob', value: 1_000 * (tutorial.inside - tutorial.out), unit: 'ms' };
}
