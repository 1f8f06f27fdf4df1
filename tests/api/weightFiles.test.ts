// Weights that PyTorch wrote, sent to POST /weights, and the jobs that begin with them: what was taken stands in the answer, and the
// job's own copy has the model's names.
import { type Job, jobSchema, type Problem, type Weights, weightsSchema } from '@trainyard/contracts';
import { decodeSafetensors } from '@trainyard/engine/formats';
import { describe, expect } from 'vitest';
import { spec } from '../support/jobs.ts';
import { valuesOf, weightFile } from '../support/weightFiles/index.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';

const normed = {
  ...spec,
  data: { dataset: 'random', inputShape: [1, 4, 4], targetShape: [2], samples: 4 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 2, kernelSize: 3 },
      { type: 'batchNorm2d' },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 2 },
    ],
  },
  loss: { type: 'mse' },
};

async function uploaded(api: TestApi, name: string): Promise<Weights> {
  const headers = { 'content-type': 'application/octet-stream' };
  const response = await api.call({ method: 'POST', url: '/weights', payload: weightFile(name), headers });
  expect(response.statusCode, response.body).toBe(201);
  return weightsSchema.parse(response.json());
}

async function begun(api: TestApi, id: string): Promise<Job> {
  const response = await api.post('/jobs', { ...normed, initialWeights: { weights: id } });
  expect(response.statusCode, response.body).toBe(202);
  return jobSchema.parse(response.json());
}

const initialOf = async (api: TestApi, id: string) =>
  decodeSafetensors((await api.get(`/jobs/${id}/artifacts/initial.safetensors`)).rawPayload);

describe('a state_dict of torch.save', () => {
  test('is kept as a safetensors file, and the answer says what was taken', async ({ api }) => {
    const weights = await uploaded(api, 'checkpoint.pt');
    expect(weights).toMatchObject({ bytes: 380, values: 23 });
    expect(weights.tensors.map(({ name, dtype }) => `${name} ${dtype}`)).toEqual([
      '0.bias F32',
      '0.weight F32',
      '2.bias F32',
      '2.weight F32',
    ]);
    expect(weights.taken).toEqual([
      { field: 'format', value: 'torch', reason: expect.stringContaining('no code was run') as string },
      { field: 'stateDict', value: 'state_dict', reason: expect.stringContaining('its entry "state_dict"') as string },
    ]);
    expect((await api.get(`/weights/${weights.id}`)).json()).toEqual(weights);
  });

  test('with the prefix of DataParallel fits a model without it: the job has a copy with the names of the model', async ({ api }) => {
    const weights = await uploaded(api, 'parallel.pt');
    expect(weights.taken?.map(({ field, value }) => [field, value])).toContainEqual(['prefix', 'module.']);
    const { tensors, metadata } = await initialOf(api, (await begun(api, weights.id)).id);
    expect(metadata).toEqual({ format: 'pt', removedPrefix: 'module.' });
    const values = Object.fromEntries(tensors.map(({ name, data }) => [`module.${name}`, Array.from(data, Number)]));
    expect(values).toEqual(valuesOf('parallel'));
  });
});

describe('a safetensors file', () => {
  test('without num_batches_tracked fits a model with batch norm, and stays as it is', async ({ api }) => {
    const { id } = await uploaded(api, 'uncounted.safetensors');
    const copy = await api.get(`/jobs/${(await begun(api, id)).id}/artifacts/initial.safetensors`);
    expect(copy.rawPayload.equals(weightFile('uncounted.safetensors'))).toBe(true);
  });

  test('with other names is refused with how many match and the nearest names', async ({ api }) => {
    const { id } = await uploaded(api, 'f16.safetensors');
    const response = await api.post('/jobs', { ...normed, initialWeights: { weights: id } });
    expect(response.statusCode).toBe(422);
    const messages = response.json<Problem>().errors?.map(({ message }) => message) ?? [];
    expect(messages[0]).toBe('0 of 9 tensors match');
    expect(messages).toContain('"3.bias" [2] is missing; the nearest that was given is "2.bias" [2]');
    expect(messages).toContain(`"0.weight" has shape [3, 4], the model's has [2, 1, 3, 3]`);
  });
});
