// The weights that the jobs of a sweep begin with: checked for every job before any is queued, and each job's own from then on.
import type { Job, SweepPage } from '@trainyard/contracts';
import { encodeWeights, Generator } from '@trainyard/engine';
import { buildModel, checkSpec } from '@trainyard/engine/spec';
import { redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, result } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { tutorial } from './fixtures/spec.ts';
import { getSweep, gridOf, makeSweep, refusalOf, trainAs } from './fixtures/sweeps.ts';

describe('initial weights of a sweep', () => {
  const small = { ...tutorial, data: { ...tutorial.data, inputShape: [4], targetShape: [2] } };
  const withOutputs = (outFeatures: number, more: object = {}) => ({
    ...small,
    model: {
      layers: [
        { type: 'linear', outFeatures },
        { type: 'linear', outFeatures: 2 },
      ],
    },
    ...more,
  });
  const rates = { '/optimizer/learningRate': { type: 'choice', values: [0.1, 0.01] } };
  const fileOf = (outFeatures: number): Buffer => {
    const { spec } = checkSpec(withOutputs(outFeatures));
    return Buffer.from(encodeWeights(buildModel(spec.model.layers, [4], new Generator(7))).bytes);
  };
  const uploaded = async (api: TestApi, outFeatures: number): Promise<string> => {
    const headers = { 'content-type': 'application/octet-stream' };
    return (await api.call({ method: 'POST', url: '/weights', payload: fileOf(outFeatures), headers })).json<{ id: string }>().id;
  };
  const initialOf = async (api: TestApi, jobId: string): Promise<Buffer> =>
    (await api.get(`/jobs/${jobId}/artifacts/initial.safetensors`)).rawPayload;

  test('are those of each job, which need the upload no more', async ({ api }) => {
    const weights = await uploaded(api, 3);
    const { id, spec, trials } = await makeSweep(api, gridOf({ spec: withOutputs(3, { initialWeights: { weights } }), space: rates }));
    expect(spec).toMatchObject({ initialWeights: { weights } });
    for (const { job } of trials) expect((await initialOf(api, job)).equals(fileOf(3))).toBe(true);
    expect((await api.call({ method: 'DELETE', url: `/weights/${weights}` })).statusCode).toBe(409);
    await api.post(`/sweeps/${id}/cancel`, {});
    expect((await api.call({ method: 'DELETE', url: `/weights/${weights}` })).statusCode).toBe(204);
    for (const { job } of trials) expect((await initialOf(api, job)).equals(fileOf(3))).toBe(true);
  });

  test('can be what the jobs differ in: uploads, or a job that has succeeded', async ({ api }) => {
    const job = (await api.post('/jobs', withOutputs(3))).json<Job>();
    await api.artifacts.putBytes(job.id, 'model.safetensors', fileOf(3));
    await (await claim(api.jobs, job.id)).finish({ status: 'succeeded', result });
    const from = [{ weights: await uploaded(api, 3) }, { job: job.id }];
    const space = { '/initialWeights': { type: 'choice', values: from } };
    const { trials } = await makeSweep(api, gridOf({ spec: withOutputs(3), space }));
    expect(trials.map(({ values }) => values['/initialWeights'])).toEqual(from);
    for (const { job } of trials) expect((await initialOf(api, job)).equals(fileOf(3))).toBe(true);
  });

  test('that are not there or do not fit a job are refused before any is queued', async ({ api }) => {
    const weights = await uploaded(api, 3);
    const nobodys = 'wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';
    const widths = { '/model/layers/0/outFeatures': { type: 'choice', values: [3, 5] } };
    expect(await refusalOf(api, gridOf({ spec: withOutputs(3, { initialWeights: { weights } }), space: widths }))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\/spec\/initialWeights\/weights: "0.weight" .*\[5, 4\].*\(with \{.*outFeatures":5\}\)/) as string,
      ]),
    );
    expect(await refusalOf(api, gridOf({ spec: withOutputs(3, { initialWeights: { weights: nobodys } }), space: rates }))).toEqual([
      expect.stringMatching(/^\/spec\/initialWeights\/weights: there are no weights/) as string,
    ]);
    const space = { '/initialWeights': { type: 'choice', values: [{ weights }, { weights: nobodys }] } };
    expect(await refusalOf(api, gridOf({ spec: withOutputs(3), space }))).toEqual([
      expect.stringMatching(/^\/space\/~1initialWeights: .*there are no weights/) as string,
    ]);
    expect((await api.get('/sweeps')).json<SweepPage>().data).toEqual([]);
  });

  test('that are deleted while a process that died had yet to make a job end the sweep without it', async ({ api, redis }) => {
    const weights = await uploaded(api, 3);
    const { id, trials } = await makeSweep(api, gridOf({ spec: withOutputs(3, { initialWeights: { weights } }), space: rates }));
    const [kept, lost] = trials.map(({ job }) => job);
    await api.post(`/jobs/${lost}/cancel`, {});
    await api.jobs.store.delete(lost ?? '');
    await redis.connect().hdel(redisKeys(redis.prefix).sweep(id), 'job:0:1');
    await trainAs(api, kept ?? '', [0.5]);
    expect((await api.call({ method: 'DELETE', url: `/weights/${weights}` })).statusCode).toBe(204);
    await api.sweepRunner.reconcile();
    const ended = await getSweep(api, id);
    expect([ended.status, ended.trials.map(({ job }) => job)]).toEqual(['succeeded', [kept]]);
  });
});
