// Trains a network with a MobileNetV3 block as a job, and compares its curve with the one that PyTorch printed for the exported train.py.
import { expect } from 'vitest';
import { curveDistance, type CurvePoint, pointOf } from '../support/curves.ts';
import { mobileNetV3Job } from '../support/mobileNetV3.ts';
import curve from './fixtures/mobileNetV3Curve.json' with { type: 'json' };
import { until } from './fixtures/processes.ts';
import { childOf, workerTest as test, type Workers } from './fixtures/workers.ts';

/** Both compute in float32, and sum in another order. */
const TOLERANCE = 1e-5;

/** The worker stores several checkpoints in each epoch, on any machine. */
const eager = { real: true, program: 'heldChild.ts', checkpointEveryMs: 40 };

const curveOf = async ({ jobs }: Workers, jobId: string): Promise<CurvePoint[]> => (await jobs.log.epochs(jobId)).map(pointOf);

test("follows PyTorch's curve, and has the same bits if its process is killed in the middle of an epoch, or with two threads", async ({
  workers,
}) => {
  const worker = await workers.start(eager);
  const undisturbed = await workers.submit(mobileNetV3Job);
  const { result, status } = await workers.ended(undisturbed);
  expect(status).toBe('succeeded');
  const points = await curveOf(workers, undisturbed);
  expect(points.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  expect(curveDistance(points, curve)).toBeLessThanOrEqual(TOLERANCE);

  const letGo = await workers.hold('checkpoint');
  const killed = await workers.submit({ ...mobileNetV3Job, threads: 2 });
  await until('a checkpoint inside a later epoch', async () => {
    const checkpoint = (await workers.jobs.store.get(killed))?.checkpoint;
    return checkpoint != null && checkpoint.epoch > 0 && checkpoint.step > 0;
  });
  process.kill(await childOf(worker, killed), 'SIGKILL');
  await letGo();
  expect(await workers.ended(killed)).toMatchObject({ attempts: 2, result: { weightsSha256: result?.weightsSha256 } });
  expect(await curveOf(workers, killed)).toEqual(points);
});
