// What a run looked like from inside: gradients and evaluations, and why there are none.
import { jobEvaluation, jobGradients } from '@trainyard/contracts';
import { train, type TrainingEvent } from '@trainyard/engine';
import { checkSpec, type GradientSnapshot } from '@trainyard/engine/spec';
import { snapshotLine, snapshotName } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { metricsOf, result, startJob } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';

const gradientsOf = (epoch: number): GradientSnapshot => ({
  epoch,
  step: 1,
  parameters: [
    {
      name: '0.bias',
      shape: [2],
      norm: epoch,
      mean: 0,
      std: 1,
      min: null,
      max: 1,
      histogram: { from: 0, to: 1, counts: [1, 1] },
      before: null,
      after: [null, 1],
      nonFinite: { min: '-inf', 'after/0': '-inf' },
    },
  ],
});

async function store(api: TestApi, jobId: string, epochs: readonly number[]): Promise<void> {
  const name = snapshotName('gradients', epochs[0] ?? 0, epochs.at(-1) ?? 0);
  await api.artifacts.putBytes(jobId, name, Buffer.from(epochs.map((epoch) => snapshotLine(gradientsOf(epoch))).join('')));
}

describe('GET /jobs/{id}/gradients', () => {
  test('answers those of an epoch, or of the last one', async ({ api }) => {
    const { jobId } = await startJob(api.jobs);
    await store(api, jobId, [1, 2, 3]);
    await store(api, jobId, [3, 4]);
    for (const epoch of [1, 2, 3, 4]) {
      const response = await api.get(`/jobs/${jobId}/gradients?epoch=${epoch}`);
      expect(response.statusCode).toBe(200);
      expect(jobGradients.parse(response.json())).toEqual(gradientsOf(epoch));
    }
    expect((await api.get(`/jobs/${jobId}/gradients`)).json()).toEqual(gradientsOf(4));
  });

  test('says why there are none', async ({ api }) => {
    const attempt = await startJob(api.jobs);
    const detail = async (query: string) => {
      const response = await api.get(`/jobs/${attempt.jobId}/gradients${query}`);
      expect(response.statusCode).toBe(404);
      return response.json<{ detail: string }>().detail;
    };
    expect(await detail('')).toMatch(/no gradients yet.*running/);
    expect(await detail(`?epoch=${Number.MAX_SAFE_INTEGER}`)).toMatch(/only 20 epochs/);
    expect(await detail('?epoch=21')).toMatch(/no gradients of epoch 21.*only 20 epochs/);
    await store(api, attempt.jobId, [1, 2, 3]);
    await store(api, attempt.jobId, [10]);
    expect(await detail('?epoch=7')).toMatch(/nearest.*10/);
    expect(await detail('?epoch=4')).toMatch(/nearest.*3/);
    await attempt.finish({ status: 'failed', error: { code: 'x', message: 'x', epoch: null, step: null } });
    expect(await detail('?epoch=20')).toMatch(/nearest.*10/);
  });

  test.for(['?epoch=0', '?epoch=x', '?epoch=1.5', '?epoc=1'])('refuses %s', async (query, { api }) => {
    const { jobId } = await startJob(api.jobs);
    const response = await api.get(`/jobs/${jobId}/gradients${query}`);
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({ code: 'invalidRequest', errors: [{ path: expect.stringMatching(/^\?epoc/) as string }] });
  });

  test('is a 404 for a job that is not there', async ({ api }) => {
    expect((await api.get('/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5/gradients')).statusCode).toBe(404);
    expect((await api.get('/jobs/nothing/evaluation')).statusCode).toBe(404);
  });
});

test('an evaluation is what the engine told of it', async ({ api }) => {
  const { spec } = checkSpec({
    seed: 1,
    data: { dataset: 'digits', trainLimit: 40, testLimit: 20 },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 1,
  });
  const noFile = () => Promise.reject(new Error('no file is read here'));
  const told: TrainingEvent[] = [];
  for await (const event of train(spec, { files: { find: noFile, read: noFile } })) told.push(event);
  const evaluation = told.find((event) => event.type === 'evaluation');
  if (evaluation === undefined) throw new Error('there was no evaluation');
  const { type: _type, ...document } = evaluation;
  const { jobId } = await startJob(api.jobs);
  await api.artifacts.putBytes(jobId, snapshotName('evaluation', 1, 1), Buffer.from(snapshotLine(document)));
  const response = await api.get(`/jobs/${jobId}/evaluation`);
  expect(jobEvaluation.parse(response.json())).toEqual(document);
});

test('data without a test part has no evaluation, and the answer says so', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  await attempt.appendEpoch(metricsOf(1));
  const response = await api.get(`/jobs/${attempt.jobId}/evaluation`);
  expect(response.statusCode).toBe(404);
  expect(response.json<{ detail: string }>().detail).toMatch(/no test part/);
});

test('gradients are announced once an epoch, among the events and by themselves', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  await attempt.appendEpoch(metricsOf(1));
  expect(await attempt.announceGradients([1, 2])).toBe('announced');
  expect(await attempt.announceGradients([2, 3])).toBe('announced');
  const response = await api.get(`/jobs/${attempt.jobId}/events?type=gradients`);
  const data = [1, 2, 3].map((epoch) => ({ jobId: attempt.jobId, epoch }));
  expect(response.json<{ data: { data: unknown }[] }>().data.map((event) => event.data)).toEqual(data);
  await attempt.finish({ status: 'succeeded', result: result });
  expect(await attempt.announceGradients([4])).toBe('stale');
});
