// Kills a training process at each stage of a job, and while it has no job.
import { ChildPool, TrainingChild } from '@trainyard/worker';
import { describe, expect } from 'vitest';
import { describeChildDeaths } from './fixtures/childDeaths.ts';
import { until } from './fixtures/processes.ts';
import { assignment, childOptions, undisturbed } from './fixtures/scripted.ts';
import { workerTest as test } from './fixtures/workers.ts';

describeChildDeaths('SIGKILL');

describe('a training child that dies', () => {
  test('while it writes a checkpoint leaves no unfinished file, however often', async ({ workers }) => {
    await workers.start();
    const job = await workers.ended(await workers.create('epochs:1 half-a-checkpoint'));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'crashLoop' } });
    await until('that no unfinished file is left', async () => (await workers.unfinishedFiles()).length === 0);
  });

  test('before it gets a job reports that the job has not started', async () => {
    const child = await TrainingChild.start(childOptions());
    child.kill();
    const outcome = await child.train(assignment('epochs:1'), () => Promise.resolve(), undisturbed);
    expect(outcome).toMatchObject({ kind: 'died', hasStarted: false });
    await child.exited;
    expect(await child.train(assignment('epochs:1'), () => Promise.resolve(), undisturbed)).toMatchObject({
      kind: 'died',
      hasStarted: false,
    });
  });

  test('while it is idle gets no job', async () => {
    const pool = new ChildPool({
      size: 1,
      start: async (signal) => await TrainingChild.start(childOptions(), signal),
      runsPerChild: 100,
      residentBytesLimit: 1e9,
      onStartError: () => {},
    });
    await until('two warm children', () => pool.idle === 2);
    const [first, second] = [await pool.acquire(new AbortController().signal), await pool.acquire(new AbortController().signal)];
    pool.release(second);
    pool.release(first);
    first.kill();
    expect(await pool.acquire(new AbortController().signal)).toBe(second);
    await pool.close();
  });
});
