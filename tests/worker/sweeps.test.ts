// A sweep with successive halving and real training. The best job continues from its checkpoint and ends with the same bits as a job that
// trains all epochs at once.
import { join } from 'node:path';
import { checkSpec } from '@trainyard/engine/spec';
import { FolderArtifactStore, Renames, ReservedFiles, Successors, SweepRunner, SweepStore, WeightsStore } from '@trainyard/jobs';
import { expect } from 'vitest';
import { until } from './fixtures/processes.ts';
import { workerTest as test } from './fixtures/workers.ts';

const { spec } = checkSpec({
  seed: 3,
  data: { dataset: 'digits', trainLimit: 200, testLimit: 50 },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 },
  epochs: 4,
});

test('the best job of a sweep ends with the same bits as a job that trains all epochs at once', async ({ workers, redis }) => {
  await workers.start({ real: true });
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  const options = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const jobs = workers.jobs.store;
  const reservedFiles = new ReservedFiles(options);
  const successors = new Successors({ ...options, jobs, eventLog: workers.jobs.log, reservedFiles });
  const store = new SweepStore(options);
  const runner = new SweepRunner({
    store,
    jobs,
    successors,
    reservedFiles,
    artifacts,
    weights: new WeightsStore({ ...options, reservedFiles }),
    renames: new Renames({ acquire: () => Promise.resolve(() => undefined) }),
  });
  const rates = [0.0001, 0.05, 0.001, 0.01];
  const { id } = await store.create({
    owner: 'ada',
    name: null,
    labels: {},
    spec,
    space: { '/optimizer/learningRate': { type: 'choice', values: rates } },
    strategy: { type: 'halving', minEpochs: 1, factor: 2 },
    metric: 'trainLoss',
    goal: 'minimize',
    seed: 0,
    trials: rates.map((learningRate) => ({
      values: { '/optimizer/learningRate': learningRate },
      changes: [[['optimizer', 'learningRate'], learningRate]],
      epochs: spec.epochs,
      specBytes: 0,
    })),
  });
  await until('the end of the sweep', async () => {
    await runner.advance(id);
    return (await store.get(id))?.finishedAt !== null;
  });
  const record = (await store.get(id)) ?? expect.unreachable();
  const ranking = await runner.ranking(record);
  expect([record.status, ranking.map(({ shown }) => [shown.rung, shown.epoch])]).toEqual([
    'succeeded',
    [
      [2, 4],
      [1, 2],
      [1, 2],
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
    ],
  ]);
  const best = await jobs.get(ranking[0]?.shown.job ?? '');
  const atOnce = await workers.ended(await workers.submit(best?.spec ?? spec));
  expect(best?.result?.weightsSha256).toBe(atOnce.result?.weightsSha256);
  await artifacts.close();
});
