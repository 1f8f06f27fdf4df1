// The service's figures, each on processes of its own: how fast it takes jobs, trains small ones and tells of them, and what
// it costs over the bare engine.
import { checkSpec } from '@trainyard/engine';
import { type Figure, quantile } from '../figure.ts';
import type { Output } from '../output.ts';
import { ended, elsewhere, heard, type Rig, readTutorial, startRig, submit } from './rig.ts';
import { deliveryFigures } from './delivery.ts';
import { listFigures } from './lists.ts';
import { engineJob, overEngine } from './overEngine.ts';

type Measure = (rig: Rig) => AsyncGenerator<Figure>;

/** By the beginning of the metrics' names. */
const measures: Readonly<Record<string, Measure>> = {
  postsPerSecond,
  firstEpoch,
  tutorialJobs,
  serviceOverEngine: overEngine,
  inside: insideFigures,
  eventDelivery: deliveryFigures,
  list: listFigures,
};

/** @param only measures to take, by name; empty: all */
export async function bench(output: Output, only: readonly string[]): Promise<void> {
  for (const [name, measure] of Object.entries(measures)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const rig = await startRig();
    try {
      for await (const figure of measure(rig)) output.tell(figure, lineOf(figure));
    } finally {
      await rig.close();
    }
  }
}

const lineOf = ({ metric, value, unit }: Figure): string =>
  `${metric.padEnd(36)}${value.toLocaleString('en', { maximumFractionDigits: 3 }).padStart(12)} ${unit}`;

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
