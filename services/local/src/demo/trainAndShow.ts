// What the demo shows of a job: the network before it trains, its epochs as they happen, and what came out.
import { join } from 'node:path';
import type { Job } from '@trainyard/contracts';
import { z } from 'zod';
import type { JobClient } from './jobClient.ts';
import { layerTable } from './layerTable.ts';
import { type EpochLosses, lossChart } from './lossChart.ts';
import { formatCount, formatSeconds, formatShare } from './numbers.ts';
import { Progress, type Screen } from './progress.ts';

/** The job ended, but not well. */
export class JobEndedError extends Error {
  readonly code = 'jobEnded';

  constructor({ id, status, error }: Job) {
    super(`${id} ${status}${error === null ? '' : `: ${error.message}`}`);
    this.name = 'JobEndedError';
  }
}

const batchSizeOf = z.object({ data: z.object({ batchSize: z.int() }) }).transform(({ data }) => data.batchSize);

/**
 * Trains a spec and shows it on the screen.
 * @throws RefusedError, JobEndedError, the reason of the client's signal
 */
export async function trainAndShow(client: JobClient, spec: unknown, screen: Screen): Promise<Job> {
  const say = (line: string): unknown => screen.write(line === '' ? '\n' : `  ${line}\n`);
  for (const line of ['', ...layerTable(await client.dryRun(spec)), '']) say(line);
  const submitted = await client.submit(spec);
  const { id } = submitted;
  for (const line of [`POST /jobs → ${id}`, '']) say(line);

  const epochs: EpochLosses[] = [];
  const progress = new Progress({ screen, epochs: submitted.spec.epochs, batchSize: batchSizeOf.parse(submitted.spec) });
  try {
    for await (const event of client.follow(id)) {
      progress.show(event);
      if (event.event === 'epoch') epochs.push(event.data);
    }
  } catch (error) {
    // Nobody waits for the job any more, so the worker need not finish it either.
    await client.cancel(id).catch(() => undefined);
    throw error;
  } finally {
    progress.clear();
  }
  const job = await client.job(id);
  if (job.status !== 'succeeded') throw new JobEndedError(job);
  const chart = lossChart(epochs);
  if (chart.length > 0) for (const line of ['', ...chart]) say(line);
  return job;
}

/** What came out of a job that succeeded, line by line. @param artifacts the folder of all jobs' artifacts */
export function describeResult({ id, result }: Job, artifacts: string): string[] {
  if (result === null) return [];
  const { testAccuracy, parameters, seconds, weightsSha256 } = result;
  return [
    ...(testAccuracy === null ? [] : [`test accuracy  ${formatShare(testAccuracy)}`]),
    `parameters     ${formatCount(parameters)}, trained in ${formatSeconds(seconds)}`,
    `weights        ${join(artifacts, id, 'model.safetensors')}`,
    `weightsSha256  ${weightsSha256}`,
  ];
}
