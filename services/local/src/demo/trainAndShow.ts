// Trains a job and shows it: the network before the training, the epochs as they arrive, and the result.
import { join } from 'node:path';
import type { Job } from '@trainyard/contracts';
import { z } from 'zod';
import type { JobClient } from './jobClient.ts';
import { layerTable } from './layerTable.ts';
import { type EpochLosses, lossChart } from './lossChart.ts';
import { formatCount, formatSeconds, formatShare } from './numbers.ts';
import { Progress, type Screen } from './progress.ts';

/** The job failed or was cancelled. */
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
 * @throws RefusedError if the service refuses a request
 * @throws JobEndedError if the job ends with another status than `succeeded`
 * @throws the reason of the client's signal, if it is aborted
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
    // The demo ends here, so the worker need not finish the job.
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

/** Returns the lines that describe a successful job. @param artifacts the folder with the artifacts of all jobs */
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
