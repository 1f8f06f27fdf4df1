// A training process loses one of its compute threads. The worker handles this like the death of the process.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hasEnded, until } from './fixtures/processes.ts';
import { threadFile } from './fixtures/workerOptions.ts';
import { childOf, workerTest as test } from './fixtures/workers.ts';

/** A job with convolutions that are large enough to use a second thread. */
const spec = {
  seed: 5,
  threads: 2,
  data: { dataset: 'digits', trainLimit: 2_000, testLimit: 20, batchSize: 4 },
  model: {
    layers: [{ type: 'conv2d', outChannels: 6, kernelSize: 5 }, { type: 'relu' }, { type: 'flatten' }, { type: 'linear', outFeatures: 10 }],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
  epochs: 6,
};

const settings = { real: true, program: 'losingChild.ts', checkpointEveryMs: 20 };

describe('a job whose training process loses a thread', () => {
  test('resumes from its last checkpoint in another process and ends with the same bits', async ({ workers }) => {
    const worker = await workers.start(settings);
    const { result } = await workers.ended(await workers.submit(spec));
    await writeFile(join(workers.folder, threadFile), 'checkpoint');
    const jobId = await workers.submit(spec);
    const first = await childOf(worker, jobId);
    const job = await workers.ended(jobId);
    expect(job).toMatchObject({ status: 'succeeded', attempts: 2, error: null });
    expect(job.result?.weightsSha256).toBe(result?.weightsSha256);
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3, 4, 5, 6]);
    const began = worker.logs.filter((line) => line.msg === 'training' && line.jobId === jobId).map(({ checkpoint }) => checkpoint);
    expect(began).toEqual([null, expect.stringMatching(/^checkpoint-1-\d+\.safetensors$/)]);
    await until('the end of the process', () => hasEnded(first));
    const reported = (await workers.events(jobId)).flatMap((event) => (event.event === 'log' ? [event.data.message] : []));
    expect(reported).toContainEqual(expect.stringMatching(/^attempt 1: .*lost one of its threads.*fewer threads/));
  });

  test('fails when three attempts in a row lose a thread before they make progress', async ({ workers }) => {
    await writeFile(join(workers.folder, threadFile), 'start');
    await workers.start({ ...settings, checkpointEveryMs: 60_000 });
    const job = await workers.ended(await workers.submit({ ...spec, data: { ...spec.data, trainLimit: 10_000, batchSize: 8 } }));
    expect(job).toMatchObject({ status: 'failed', attempts: 3, error: { code: 'crashLoop' } });
    // On a busy machine a worker may lose its lease on the job. The service then does not know how the last attempt ended, and says that
    // the log shows how each one did.
    const lines = await workers.logLines(job.id);
    const hasLostLease = lines.some((line) => /\blease\b/.test(line));
    expect(hasLostLease ? lines.join('\n') : job.error?.message).toMatch(/lost one of its threads/);
  });
});
