// Runs many jobs while random faults hit their workers. At the end each job has every epoch once and in order, and the same weights as an
// undisturbed run. CHAOS_SEED repeats a run's choices, CHAOS_JOBS sets the number of jobs.
import type { Job } from '@trainyard/contracts';
import { Generator } from '@trainyard/engine';
import { expect } from 'vitest';
import { hasEnded } from '../worker/fixtures/processes.ts';
import { TcpProxy } from '../worker/fixtures/tcpProxy.ts';
import { workerTest as test } from '../worker/fixtures/workers.ts';
import { kinds, Mischief } from './mischief.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const count = Number(process.env['CHAOS_JOBS'] ?? 8);
const EPOCHS = 12;

/** Convolutional networks with random sizes, options and seeds. */
function spec(index: number) {
  return {
    seed: index,
    data: { dataset: 'random', inputShape: [1, 12, 12], targetShape: [3], samples: 4_000 + 500 * index, batchSize: 4 },
    model: {
      layers: [
        { type: 'conv2d', outChannels: 4, kernelSize: 3 },
        { type: 'relu' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 3 },
      ],
    },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 0.01, momentum: 0.9 },
    epochs: EPOCHS,
  };
}

test('every job has the same result as an undisturbed run, whatever happens to the workers', async ({ redis, workers }) => {
  console.log(`chaos: seed ${seed}`);
  const began = performance.now();
  const losses = async (jobId: string) => (await workers.jobs.log.epochs(jobId)).map(({ epoch, trainLoss }) => [epoch, trainLoss]);
  const submitAll = async () => await Promise.all(Array.from({ length: count }, async (_, index) => await workers.submit(spec(index))));

  const undisturbed = await workers.spawn({ real: true });
  const expected = [];
  for (const jobId of await submitAll()) {
    const { result } = await workers.ended(jobId);
    expected.push({ status: 'succeeded', weightsSha256: result?.weightsSha256, losses: await losses(jobId) });
  }
  undisturbed.process.kill('SIGTERM');
  await undisturbed.exited;

  const line = await TcpProxy.open(redis.url);
  const settings = { real: true, concurrency: 2, redisUrl: line.url(redis.url), closeGraceMs: 1_000 };
  const mischief = new Mischief({ workers, settings, line, redis: redis.connect(), random: new Generator(seed) });
  const jobIds = await submitAll();
  await mischief.begin(3);
  const jobs = async (): Promise<(Job | null)[]> => await Promise.all(jobIds.map(async (jobId) => await workers.jobs.store.get(jobId)));
  await mischief.until(async () => (await jobs()).every((job) => job?.finishedAt !== null));

  const actual = [];
  for (const job of await jobs()) {
    if (job === null) throw new Error('a job does not exist');
    actual.push({ status: job.status, weightsSha256: job.result?.weightsSha256, losses: await losses(job.id) });
    const last = (await workers.events(job.id)).at(-1);
    expect(last).toMatchObject({ event: 'status', data: { status: 'succeeded' } });
  }
  const attempts = (await jobs()).reduce((sum, job) => sum + (job?.attempts ?? 0), 0);
  const isIntact = JSON.stringify(actual) === JSON.stringify(expected);
  console.log(
    `chaos: seed ${seed}, ${count} jobs of ${EPOCHS} epochs, ${attempts} attempts, ` +
      `${kinds.map((kind) => `${kind} ${mischief.done[kind]}`).join(', ')}, ` +
      `${Math.round((performance.now() - began) / 1_000)} s: ${isIntact ? 'every job intact' : 'BROKEN'}`,
  );
  expect(actual).toEqual(expected);

  await mischief.end();
  const left = mischief.fleet
    .flatMap(({ pid, logs }) => [pid, ...logs.flatMap(({ child }) => child ?? [])])
    .filter((pid) => !hasEnded(pid));
  expect(left).toEqual([]);
  await line.close();
});
