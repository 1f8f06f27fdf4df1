// The disk of the artifacts and the disk of the worker's files are full while a job trains, and have space again later.
import { join } from 'node:path';
import { expect } from 'vitest';
import { hasSmallDisks, SmallDisk } from '../support/smallDisk.ts';
import { until } from './fixtures/processes.ts';
import { workerTest } from './fixtures/workers.ts';

const test = workerTest.extend('disk', async ({ task: _task }, { onCleanup }) => {
  const disk = await SmallDisk.open(8);
  onCleanup(async () => await disk.close());
  return disk;
});

const spec = {
  seed: 7,
  data: { dataset: 'digits', trainLimit: 400, testLimit: 40 },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 64 }, { type: 'relu' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
  epochs: 5,
};

test.skipIf(!hasSmallDisks)('a full disk delays a job, is logged once, and does not change the result', async ({ workers, disk }) => {
  const undisturbedWorker = await workers.start({ real: true });
  const undisturbed = await workers.ended(await workers.submit(spec));
  await undisturbedWorker.close();

  const { logs } = await workers.start({ real: true, artifactsFolder: join(disk.path, 'artifacts'), checkpointEveryMs: 20 });
  await disk.fill();
  const jobId = await workers.submit(spec);
  await workers.untilEpoch(jobId, spec.epochs);
  await until('a log line about the full disk', async () => (await workers.logLines(jobId)).some((line) => line.includes('no room left')));
  expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'running', attempts: 1 });
  await disk.free();
  const job = await workers.ended(jobId);
  expect(job).toMatchObject({ status: 'succeeded', attempts: 1, result: { weightsSha256: undisturbed.result?.weightsSha256 } });
  expect((await workers.logLines(jobId)).filter((line) => !line.startsWith('info: loading'))).toEqual([
    expect.stringMatching(/^warn: the storage is not available, retrying: there is no room left/),
    'info: the storage is available again',
  ]);
  expect(logs.filter(({ msg }) => /the storage is not available/.test(msg))).toHaveLength(1);
  expect(logs.filter(({ msg }) => /redis/i.test(msg))).toEqual([]);
  const reported = (await workers.events(jobId)).flatMap((event) => (event.event === 'gradients' ? [event.data.epoch] : []));
  expect(reported).toEqual([1, 2, 3, 4, 5]);
});

test.skipIf(!hasSmallDisks)('a job on a full disk can be cancelled and paused', async ({ workers, disk }) => {
  await workers.start({ real: true, artifactsFolder: join(disk.path, 'artifacts'), checkpointEveryMs: 20, concurrency: 2 });
  await disk.fill();
  const [paused, cancelled] = [await workers.submit(spec), await workers.submit(spec)];
  for (const jobId of [paused, cancelled]) await workers.untilEpoch(jobId, spec.epochs);
  await workers.jobs.store.act('pause', paused);
  await workers.jobs.store.act('cancel', cancelled);
  expect(await workers.ended(cancelled)).toMatchObject({ status: 'cancelled' });
  await until('the pause', async () => (await workers.jobs.store.get(paused))?.status === 'paused');
  await disk.free();
  await workers.jobs.store.act('resume', paused);
  expect(await workers.ended(paused)).toMatchObject({ status: 'succeeded', attempts: 2 });
});
