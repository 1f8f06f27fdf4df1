// What several tests with jobs need: a store on Redis, a spec, the metrics of an epoch and the result of a run.

import type { EpochMetrics, JobResult, LogData } from '@trainyard/contracts';
import { checkSpec, type JobSpec } from '@trainyard/engine/spec';
import { EventHub, EventLog, type JobAttempt, JobStore, redisKeys, TrainQueue } from '@trainyard/jobs';
import type { TestRedis } from './redis.ts';

/** A small network with a single sample, which trains very fast. */
export const { spec } = checkSpec({
  epochs: 20,
  seed: 0,
  data: { dataset: 'random', inputShape: [4], targetShape: [2], samples: 1 },
  model: { layers: [{ type: 'linear', outFeatures: 2 }] },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
});

export const result: JobResult = {
  finalTrainLoss: 0.5,
  bestTestLoss: null,
  testAccuracy: null,
  parameters: 61_706,
  weightsSha256: 'ab'.repeat(32),
  engineVersion: '0.1.0',
  peakMemoryBytes: 1_000_000,
  seconds: 1.5,
};

export function metricsOf(epoch: number): EpochMetrics {
  return {
    epoch,
    trainLoss: 1 / epoch,
    testLoss: null,
    testAccuracy: null,
    learningRate: 0.01,
    seconds: 0.25,
    samplesPerSecond: 4,
    gradientNorm: 1.5,
  };
}

export interface Jobs {
  readonly store: JobStore;
  readonly queue: TrainQueue;
  readonly log: EventLog;
}

/** Creates a store with its own connections, like a separate process. */
export function openJobs(redis: TestRedis): Jobs {
  const options = { redis: redis.connect(), prefix: redis.prefix };
  const queue = new TrainQueue(options);
  return { queue, store: new JobStore({ ...options, queue }), log: new EventLog(options) };
}

/** Creates a hub with its own connections. */
export function openHub(redis: TestRedis, bufferSize?: number, onDelay?: (delayMs: number) => void): EventHub {
  return new EventHub({
    redis: redis.connect(),
    subscriber: redis.connect('subscriber'),
    prefix: redis.prefix,
    ...(onDelay === undefined ? {} : { onDelay }),
    ...(bufferSize === undefined ? {} : { bufferSize }),
  });
}

/** Creates a job of `owner`, which waits for a worker. @returns its id */
export async function createJob({ store }: Jobs, of: Partial<JobSpec> = {}, owner = 'ada'): Promise<string> {
  const { job } = await store.create({ spec: { ...spec, ...of }, owner });
  return job.id;
}

/** Takes the job that starts next, as a worker does. Returns null if no job waits. */
export async function takeNext({ store }: Jobs, worker = 'worker-1'): Promise<JobAttempt | null> {
  return (await store.take(worker, store.newClaimId()))?.attempt ?? null;
}

/** Runs all waiting jobs one after the other. @returns their ids in the order of their starts */
export async function runAll(jobs: Jobs): Promise<string[]> {
  const order: string[] = [];
  for (let attempt = await takeNext(jobs); attempt !== null; attempt = await takeNext(jobs)) {
    order.push(attempt.jobId);
    await attempt.finish({ status: 'succeeded', result });
  }
  return order;
}

/** Returns the `queuePosition` of each job. */
export async function positionsOf({ store }: Jobs, jobIds: readonly string[]): Promise<(number | null | undefined)[]> {
  return (await Promise.all(jobIds.map(async (jobId) => await store.get(jobId)))).map((job) => job?.queuePosition);
}

/** Creates a job and claims it for a worker. */
export async function startJob(jobs: Jobs, of: Partial<JobSpec> = {}): Promise<JobAttempt> {
  return await claim(jobs, await createJob(jobs, of));
}

/** The number of the last line of each attempt. */
const lastLines = new WeakMap<JobAttempt, number>();

/** Appends a line to the job's log, with the next number of its attempt, as a worker does. */
export async function appendLine(attempt: JobAttempt, level: LogData['level'], message: string): ReturnType<JobAttempt['appendLog']> {
  const line = (lastLines.get(attempt) ?? 0) + 1;
  lastLines.set(attempt, line);
  return await attempt.appendLog(level, message, line);
}

/** Ends the lease of a job, as if its worker were lost. */
export async function endLease(redis: TestRedis, jobId: string): Promise<void> {
  await redis.connect().del(redisKeys(redis.prefix).lease(jobId));
}

/** Claims this job, even if it is not its turn. @throws Error if it cannot be claimed */
export async function claim({ store }: Jobs, jobId: string, worker = 'worker-1'): Promise<JobAttempt> {
  const claimed = await store.claim(jobId, worker);
  if (claimed.outcome !== 'claimed') throw new Error(`${jobId} could not be claimed: ${claimed.outcome}`);
  return claimed.attempt;
}
