// Jobs resume from their checkpoints after they were killed, paused, handed back or taken over. They end with the same bits as an
// undisturbed job. Uses real processes and real training.
import { join } from 'node:path';
import type { StoredEvent } from '@trainyard/contracts';
import { type ArtifactStore, FolderArtifactStore, isCheckpointName, isSnapshotName, readSnapshot } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { killIfThere, until } from './fixtures/processes.ts';
import { childOf, type LogLine, type Workers, workerTest as test } from './fixtures/workers.ts';

/** A small network that uses random numbers in training. An epoch takes a few tenths of a second. */
const spec = {
  seed: 11,
  data: { dataset: 'digits', trainLimit: 1_000, testLimit: 40, batchSize: 2, transforms: [{ type: 'randomCrop', size: 28, padding: 2 }] },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 6, kernelSize: 5 },
      { type: 'batchNorm2d' },
      { type: 'relu' },
      { type: 'dropout', p: 0.2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
  scheduler: { type: 'cosine', tMax: 2_000, interval: 'step' },
  epochs: 4,
};

/** The worker stores a checkpoint often enough that each epoch has several, on any machine. */
const eager = { real: true, program: 'heldChild.ts', checkpointEveryMs: 200 };

let digest: string | undefined;

/** Returns the digest of the weights of an undisturbed run. Only the first call trains, because all runs of a spec have the same weights. */
async function undisturbed(workers: Workers): Promise<string | undefined> {
  digest ??= (await workers.ended(await workers.submit(spec))).result?.weightsSha256;
  return digest;
}

/** Waits until the job has a checkpoint inside an epoch after the first one, and the checkpoint is not `last`. @returns the checkpoint */
async function untilMidEpoch({ jobs }: Workers, jobId: string, last = ''): Promise<string> {
  let which = '';
  await until('a checkpoint inside a later epoch', async () => {
    const checkpoint = (await jobs.store.get(jobId))?.checkpoint ?? { epoch: 0, step: 0 };
    which = JSON.stringify(checkpoint);
    return checkpoint.epoch > 0 && checkpoint.step > 0 && which !== last;
  });
  return which;
}

/** Returns the checkpoint from which each attempt in the logs resumed. */
const attempts = (logs: readonly LogLine[], jobId: string): (string | null | undefined)[] =>
  logs.filter((line) => line.msg === 'training' && line.jobId === jobId).map(({ checkpoint }) => checkpoint);

const isMidway = expect.stringMatching(/^checkpoint-1-\d+\.safetensors$/) as string;

async function expectUntouched(workers: Workers, jobId: string, weights: string | undefined): Promise<void> {
  const job = await workers.ended(jobId);
  expect(job).toMatchObject({ status: 'succeeded', checkpoint: { epoch: 4, step: 0 } });
  expect(job.result?.weightsSha256).toBe(weights);
  expect(await workers.epochs(jobId)).toEqual([1, 2, 3, 4]);
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  const names = (await artifacts.names(jobId)).filter((name) => !isSnapshotName(name));
  expect(names.map((name) => (isCheckpointName(name) ? 'checkpoint' : name))).toEqual(['checkpoint', 'model.safetensors']);
  await expectInside(workers, artifacts, jobId);
  await artifacts.close();
}

/** Expects that each epoch has one event for its gradients, and that gradients and evaluations are stored. */
async function expectInside(workers: Workers, artifacts: ArtifactStore, jobId: string): Promise<void> {
  const reported = (await workers.events(jobId)).flatMap((event) => (event.event === 'gradients' ? [event.data.epoch] : []));
  expect(reported).toEqual([1, 2, 3, 4]);
  for (const kind of ['gradients', 'evaluation'] as const) {
    for (const epoch of reported) expect((await readSnapshot(artifacts, jobId, kind, epoch)).document).toMatchObject({ epoch });
  }
}

const attemptsOf = async ({ jobs }: Workers, jobId: string): Promise<number> => (await jobs.store.get(jobId))?.attempts ?? 0;

const statuses = (events: readonly StoredEvent[]): string[] =>
  events.flatMap((event) => (event.event === 'status' ? [event.data.status] : []));

describe('a job', () => {
  test('resumes from its last checkpoint when its child is killed, and ends with the same bits', async ({ workers }) => {
    const worker = await workers.start(eager);
    const weights = await undisturbed(workers);
    const letGo = await workers.hold('checkpoint');
    const jobId = await workers.submit(spec);
    await untilMidEpoch(workers, jobId);
    process.kill(await childOf(worker, jobId), 'SIGKILL');
    await letGo();
    await expectUntouched(workers, jobId, weights);
    expect(attempts(worker.logs, jobId)).toEqual([null, isMidway]);
    const reported = (await workers.events(jobId)).flatMap((event) => (event.event === 'checkpoint' ? [event.data] : []));
    expect(reported[0]).toMatchObject({ jobId, bytes: expect.any(Number) as number });
    expect(reported.at(-1)).toMatchObject({ epoch: 4, step: 0 });
  });

  test('is taken over from its last checkpoint when its worker is killed', async ({ workers }) => {
    const first = await workers.spawn(eager);
    const weights = await undisturbed(workers);
    const letGo = await workers.hold('checkpoint');
    const jobId = await workers.submit(spec);
    await untilMidEpoch(workers, jobId);
    process.kill(first.pid, 'SIGKILL');
    await letGo();
    const second = await workers.start(eager);
    await expectUntouched(workers, jobId, weights);
    expect(attempts(second.logs, jobId)).toEqual([isMidway]);
  });

  test('ends with the same bits when a child and a worker are killed in turn, and each attempt has a reason', async ({ workers }) => {
    let worker = await workers.spawn(eager);
    const weights = await undisturbed(workers);
    const letGo = await workers.hold('checkpoint');
    const jobId = await workers.submit(spec);
    let last = '';
    for (const whom of ['child', 'worker', 'child', 'worker']) {
      last = await untilMidEpoch(workers, jobId, last);
      const attempt = await attemptsOf(workers, jobId);
      killIfThere(whom === 'child' ? await childOf(worker, jobId, attempt) : worker.pid, 'SIGKILL');
      if (whom === 'worker') worker = await workers.spawn(eager);
      await until('the next attempt', async () => (await attemptsOf(workers, jobId)) > attempt);
    }
    await letGo();
    await expectUntouched(workers, jobId, weights);
    // Each of the four kills has led to one attempt. A killed worker loses its lease on the job, and the log has a line about it. On a busy
    // machine a running worker may lose its lease too. There is no attempt for any other reason.
    const lostLeases = (await workers.logLines(jobId)).filter((line) => /\blease\b/.test(line)).length;
    expect(lostLeases).toBeGreaterThanOrEqual(2);
    const attempts = await attemptsOf(workers, jobId);
    expect(attempts).toBeGreaterThanOrEqual(5);
    expect(attempts).toBeLessThanOrEqual(3 + lostLeases);
  });

  test('is handed back with a new checkpoint by a worker that is stopped, even if no checkpoint is due', async ({ workers }) => {
    const first = await workers.spawn({ ...eager, checkpointEveryMs: 1e9, closeGraceMs: 0 });
    const weights = await undisturbed(workers);
    const letGo = await workers.hold('epoch');
    const jobId = await workers.submit(spec);
    await workers.untilEpoch(jobId, 1);
    process.kill(first.pid, 'SIGTERM');
    await letGo();
    expect(await first.exited).toEqual([0, null]);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'queued', checkpoint: { bytes: expect.any(Number) as number } });
    const second = await workers.start(eager);
    await expectUntouched(workers, jobId, weights);
    expect(attempts(second.logs, jobId)).toEqual([isMidway]);
  });

  test('pauses after the current step and ends with the same bits after several pauses and resumes', async ({ workers }) => {
    const worker = await workers.start({ ...eager, checkpointEveryMs: 1e9 });
    const weights = await undisturbed(workers);
    let letGo = await workers.hold('epoch');
    const jobId = await workers.submit(spec);
    for (const epoch of [1, 2, 3]) {
      await workers.untilEpoch(jobId, epoch);
      expect(await workers.jobs.store.act('pause', jobId)).toMatchObject({ status: 'pausing' });
      await letGo();
      await until('the pause', async () => (await workers.jobs.store.get(jobId))?.status === 'paused');
      if (epoch < 3) letGo = await workers.hold('epoch');
      expect(await workers.jobs.store.get(jobId)).toMatchObject({ phase: null, checkpoint: { epoch: expect.any(Number) as number } });
      // Resumes at once, while the worker still completes the previous wake-up.
      expect(await workers.jobs.store.act('resume', jobId)).toMatchObject({ status: 'queued' });
    }
    await expectUntouched(workers, jobId, weights);
    expect(attempts(worker.logs, jobId)).toHaveLength(4);
    const pause = ['pausing', 'paused', 'queued', 'running'];
    expect(statuses(await workers.events(jobId))).toEqual(['queued', 'running', ...pause, ...pause, ...pause, 'succeeded']);
  });

  test('that is pausing can still be cancelled, and keeps its checkpoint', async ({ workers }) => {
    await workers.start(eager);
    const jobId = await workers.submit({ ...spec, epochs: 50 });
    await untilMidEpoch(workers, jobId);
    await workers.jobs.store.act('pause', jobId);
    await workers.jobs.store.act('cancel', jobId);
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled', checkpoint: { epoch: expect.any(Number) as number } });
  });

  test('does not fail as long as its attempts store new checkpoints, and fails without a new one', async ({ workers }) => {
    await workers.start();
    const jobId = await workers.create('resume epochs:1 checkpoint taken kill');
    await until('more than five attempts', async () => (await attemptsOf(workers, jobId)) > 5);
    await workers.jobs.store.act('cancel', jobId);
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled' });
    const stuck = await workers.ended(await workers.create('checkpoint taken kill'));
    expect(stuck).toMatchObject({ status: 'failed', error: { code: 'crashLoop' } });
    expect(stuck.attempts).toBe(4);
  });

  test('starts from the beginning if its checkpoint is missing, and its log says so', async ({ workers }) => {
    await workers.start();
    const jobId = await workers.create('resume epochs:2 checkpoint hold:nothing');
    await until('the checkpoint', async () => (await workers.jobs.store.get(jobId))?.checkpoint !== null);
    const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
    await artifacts.deleteJob(jobId);
    await artifacts.close();
    await workers.jobs.store.act('pause', jobId);
    await until('the pause', async () => (await workers.jobs.store.get(jobId))?.status === 'paused');
    await workers.jobs.store.act('resume', jobId);
    const warning = async () => (await workers.events(jobId)).find((event) => event.event === 'log');
    await until('the warning', async () => (await warning()) !== undefined);
    expect(await warning()).toMatchObject({
      data: { level: 'warn', message: expect.stringContaining('starts from the beginning') as string },
    });
    expect(await workers.epochs(jobId)).toEqual([1, 2]);
  });
});
