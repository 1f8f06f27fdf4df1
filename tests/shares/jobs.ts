// The jobs that the attacker and the neighbour post, and functions that read jobs.
import { setTimeout as delay } from 'node:timers/promises';
import { isFinal, type Job, type JobPage } from '@trainyard/contracts';
import { regression, smallDigits } from '../load/specs.ts';
import { ask, type Caller, expectStatus } from './requests.ts';

/** Trains in milliseconds. */
export const tinyJob = { ...regression(0, 4, 2), epochs: 2 };

/** Has 100,000 epochs, the most that a job may have by default. */
export const historyJob = { ...tinyJob, epochs: 100_000 };

/** The job that the neighbour posts. Trains for about 0.2 s. */
export const digitsJob = { seed: 7, ...smallDigits, epochs: 3 };

/** Trains for about a second. */
export const secondJob = { ...digitsJob, data: { ...digitsJob.data, trainLimit: 2_000, testLimit: 500 }, epochs: 8 };

/** Has 83 layers with feature maps of 43 × 43 × 16. Training on its one sample takes milliseconds. Predicting 256 samples would need 2.5 GB for activations. */
export const deepJob = {
  seed: 0,
  data: { dataset: 'random', inputShape: [1, 43, 43], targetShape: [2], samples: 1 },
  model: {
    layers: [
      ...Array.from({ length: 81 }, (_, index) =>
        index % 2 === 0 ? { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1 } : { type: 'relu' },
      ),
      { type: 'flatten' },
      { type: 'linear', outFeatures: 2 },
    ],
  },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 1,
};

export async function post(caller: Caller, spec: object): Promise<Job> {
  return (await expectStatus(ask(caller, '/jobs', { json: spec }), 202)) as Job;
}

export async function get(caller: Caller, id: string): Promise<Job> {
  return (await expectStatus(ask(caller, `/jobs/${id}`), 200)) as Job;
}

/** Waits until a job succeeds. @throws Error if the job fails or is cancelled */
export async function succeeded(caller: Caller, id: string): Promise<Job> {
  for (;;) {
    const job = await get(caller, id);
    if (job.status === 'succeeded') return job;
    if (isFinal(job.status)) throw new Error(`${id} is ${job.status}: ${JSON.stringify(job.error)}`);
    await delay(200);
  }
}

/** Reads the jobs that the caller may see, one status after the other, newest first. Stops after the page that reaches `most` jobs. */
export async function jobsOf(caller: Caller, statuses: readonly Job['status'][], most = Infinity): Promise<Job[]> {
  const found: Job[] = [];
  for (const status of statuses) {
    for (let after = ''; found.length < most; ) {
      const page = (await expectStatus(ask(caller, `/jobs?limit=100&status=${status}${after}`), 200)) as JobPage;
      found.push(...page.data);
      if (page.nextCursor === null) break;
      after = `&after=${page.nextCursor}`;
    }
  }
  return found;
}
