// How soon the service reacts: from the request to cancel a running job to its end, by the service's own clock, which is in the ids
// of its events; and from the death of a worker to the next attempt.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Figure, quantile } from '../figure.ts';
import { engineJob } from './overEngine.ts';
import { heard, type Rig, submit } from './rig.ts';

const cancels = 20;

/** More epochs than anybody waits for. */
const endless = { ...engineJob, epochs: 10_000 };

/** When each event with this status was stored, in ms. */
function timesOf(events: string, status: string): number[] {
  return events
    .split('\n\n')
    .filter((event) => event.includes(`"status":"${status}"`))
    .map((event) => Number(/^id: (\d+)-/m.exec(event)?.[1]));
}

async function cancel({ url }: Rig, id: string): Promise<string> {
  const { status } = await fetch(`${url}/jobs/${id}/cancel`, { method: 'POST' });
  if (status !== 202) throw new Error(`the cancel was answered ${status}`);
  return await heard(url, id, /"status":"cancelled"/);
}

async function attemptsOf({ url }: Rig, id: string): Promise<number> {
  return ((await (await fetch(`${url}/jobs/${id}`)).json()) as { attempts: number }).attempts;
}

export async function* reactionFigures(rig: Rig): AsyncGenerator<Figure> {
  const first = await rig.startWorker();
  const delays: number[] = [];
  for (let run = 0; run < cancels; run++) {
    const id = await submit(rig.url, endless);
    await heard(rig.url, id, /event: step/);
    const events = await cancel(rig, id);
    delays.push((timesOf(events, 'cancelled')[0] ?? NaN) - (timesOf(events, 'cancelling')[0] ?? NaN));
  }
  yield { metric: 'cancelP50', value: quantile(delays, 0.5), unit: 'ms' };
  yield { metric: 'cancelLongest', value: Math.max(...delays), unit: 'ms' };

  const id = await submit(rig.url, endless);
  await heard(rig.url, id, /event: step/);
  // It waits for work while the other one has the job.
  await rig.spawnWorker();

  first.kill('SIGKILL');
  await once(first, 'exit');
  const died = performance.now();

  while ((await attemptsOf(rig, id)) < 2) await pause(20);
  yield { metric: 'takeOver', value: performance.now() - died, unit: 'ms' };
  await cancel(rig, id);
}
