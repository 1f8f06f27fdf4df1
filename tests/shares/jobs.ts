// Jobs of both keys, and waiting for their ends.
import { setTimeout as delay } from 'node:timers/promises';
import { isFinal, type Job, type JobPage } from '@trainyard/contracts';
import { ask, type Caller, expectStatus } from './requests.ts';

const regression = {
  seed: 0,
  data: { dataset: 'random', inputShape: [4], targetShape: [2], samples: 1 },
  model: { layers: [{ type: 'linear', outFeatures: 2 }] },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
} as const;

/** Trained in milliseconds. */
export const tinyJob = { ...regression, epochs: 2 };

/** A history of as many epochs as a job may have. */
export const historyJob = { ...regression, epochs: 100_000 };

/** The neighbour's: drawn digits, with a test part. About 0.2 s. */
export const digitsJob = {
  seed: 7,
  data: { dataset: 'digits', trainLimit: 200, testLimit: 50, batchSize: 16 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 4, kernelSize: 5 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
  epochs: 3,
};

/** About a second. */
export const secondJob = { ...digitsJob, data: { ...digitsJob.data, trainLimit: 2_000, testLimit: 500 }, epochs: 8 };

/** 83 layers of feature maps that are 43 × 43 × 16. One sample trains in milliseconds; 256 samples are 2.5 GB of activations. */
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

/** Resolves when the job has succeeded. @throws Error when it ends otherwise */
export async function succeeded(caller: Caller, id: string): Promise<Job> {
  for (;;) {
    const job = await get(caller, id);
    if (job.status === 'succeeded') return job;
    if (isFinal(job.status)) throw new Error(`${id} has ${job.status}: ${JSON.stringify(job.error)}`);
    await delay(200);
  }
}

/** Every job with one of these statuses that the caller may see, newest first; at most `most`. */
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
