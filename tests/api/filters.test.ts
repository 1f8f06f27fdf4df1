// The filters of a job's convolutions: of its model or its last checkpoint, as arrays or as a picture.
import { jobFilters } from '@trainyard/contracts';
import { train } from '@trainyard/engine';
import { decodeSafetensors } from '@trainyard/engine/formats';
import { checkSpec, type JobSpec } from '@trainyard/engine/spec';
import { describe, expect } from 'vitest';
import { decodeImage } from '../../services/api/src/images/decodeImage.ts';
import { claim, createJob, startJob } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';

const { spec } = checkSpec({
  seed: 2,
  data: { dataset: 'random', inputShape: [3, 8, 8], targetShape: [4, 8, 8], samples: 1 },
  model: {
    layers: [
      { type: 'conv2d', name: 'first', outChannels: 5, kernelSize: 3, padding: 1 },
      { type: 'residual', layers: [{ type: 'conv2d', outChannels: 5, kernelSize: [1, 3], padding: [0, 1] }] },
      { type: 'conv2d', outChannels: 4, kernelSize: 1 },
      { type: 'branches', merge: 'add', branches: [[], [{ type: 'relu' }, { type: 'conv2d', outChannels: 4, kernelSize: 1 }]] },
    ],
  },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 1,
});

/** A spec with a convolution of 1,048,576 weights. */
const { spec: wide } = checkSpec({
  ...spec,
  data: { dataset: 'random', inputShape: [1024, 1, 1], targetShape: [1024, 1, 1], samples: 1 },
  model: { layers: [{ type: 'conv2d', name: 'large', outChannels: 1024, kernelSize: 1 }] },
});

async function trained(of: JobSpec): Promise<{ weights: Uint8Array; checkpoint: Uint8Array }> {
  const noFile = () => Promise.reject(new Error('no file is read here'));
  const events = train(of, { files: { find: noFile, read: noFile }, checkpointDue: () => false });
  let checkpoint: Uint8Array = new Uint8Array();
  for (;;) {
    const next = await events.next();
    if (next.done === true) return { weights: next.value.weights, checkpoint };
    if (next.value.type === 'checkpoint') checkpoint = next.value.bytes;
  }
}

async function withModel(api: TestApi, of: JobSpec = spec): Promise<{ jobId: string; weights: Uint8Array }> {
  const jobId = await createJob(api.jobs, of);
  const { weights } = await trained(of);
  await api.artifacts.putBytes(jobId, 'model.safetensors', weights);
  return { jobId, weights };
}

test.for([
  ['', 'first', [5, 3, 3, 3]],
  ['?layer=first', 'first', [5, 3, 3, 3]],
  ['?layer=1.layers.0', '1.layers.0', [5, 5, 1, 3]],
  ['?layer=2', '2', [4, 5, 1, 1]],
  ['?layer=3.branches.1.1', '3.branches.1.1', [4, 4, 1, 1]],
] as const)('filters%s are the weights of %s', async ([query, layer, shape], { api }) => {
  const { jobId, weights } = await withModel(api);
  const response = await api.get(`/jobs/${jobId}/filters${query}`);
  expect(response.statusCode).toBe(200);
  const filters = jobFilters.parse(response.json());
  expect(filters).toMatchObject({ layer, from: 'model', layers: ['first', '1.layers.0', '2', '3.branches.1.1'], shape });
  const expected = decodeSafetensors(weights).tensors.find(({ name }) => name === `${layer}.weight`);
  expect(filters.weights.flat(3)).toEqual(Array.from(expected?.data ?? [], Number));
});

test('filters of a job that trains are those of its last checkpoint', async ({ api }) => {
  const attempt = await claim(api.jobs, await createJob(api.jobs, spec));
  expect((await api.get(`/jobs/${attempt.jobId}/filters`)).json()).toMatchObject({
    status: 404,
    detail: expect.stringMatching(/no weights yet.*running/) as string,
  });
  const { weights, checkpoint } = await trained(spec);
  await api.artifacts.putBytes(attempt.jobId, 'checkpoint-1-1.safetensors', checkpoint);
  await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: checkpoint.length }, 'checkpoint-1-1.safetensors');
  const running = (await api.get(`/jobs/${attempt.jobId}/filters`)).json<object>();
  expect(running).toMatchObject({ from: 'checkpoint' });
  await api.artifacts.putBytes(attempt.jobId, 'model.safetensors', weights);
  expect((await api.get(`/jobs/${attempt.jobId}/filters`)).json()).toEqual({ ...running, from: 'model' });
});

test('what is no number is null, and named beside the weights', async ({ api }) => {
  const jobId = await createJob(api.jobs, spec);
  const { weights } = await trained(spec);
  const first = decodeSafetensors(weights).tensors.find(({ name }) => name === 'first.weight')?.data ?? expect.unreachable();
  const start = Buffer.from(weights.buffer).indexOf(Buffer.from(first.buffer, first.byteOffset, first.byteLength));
  const values = new DataView(weights.buffer);
  for (const [index, value] of [
    [0, NaN],
    [4, Infinity],
    [134, -Infinity],
  ] as const)
    values.setFloat32(start + 4 * index, value, true);
  await api.artifacts.putBytes(jobId, 'model.safetensors', weights);
  const filters = jobFilters.parse((await api.get(`/jobs/${jobId}/filters`)).json());
  expect(filters.nonFinite).toEqual({ 'weights/0/0/0/0': 'nan', 'weights/0/0/1/1': 'inf', 'weights/4/2/2/2': '-inf' });
  const flat = filters.weights.flat(3);
  expect(flat.flatMap((value, index) => (value === null ? [index] : []))).toEqual([0, 4, 134]);
  expect(jobFilters.parse((await api.get(`/jobs/${jobId}/filters?layer=2`)).json())).not.toHaveProperty('nonFinite');
});

describe('as a picture', () => {
  test('three planes are one tile of colour, others tiles of grey, with the largest weight white or black', async ({ api }) => {
    const { jobId } = await withModel(api);
    for (const [layer, channels, tiles] of [
      ['first', 3, [3, 2, 3, 3]],
      ['1.layers.0', 1, [5, 5, 3, 1]],
    ] as const) {
      const response = await api.get(`/jobs/${jobId}/filters?layer=${layer}`, { accept: 'image/png' });
      expect(response.headers['content-type']).toBe('image/png');
      const image = await decodeImage({ name: layer, bytes: response.rawPayload }, 1e8);
      const [columns, rows, width, height] = tiles;
      expect(image).toMatchObject({ channels, width: columns * (width * 16 + 1) + 1, height: rows * (height * 16 + 1) + 1 });
      const filters = jobFilters.parse((await api.get(`/jobs/${jobId}/filters?layer=${layer}`)).json());
      const flat = filters.weights.flat(3).map(Number);
      const most = Math.max(...flat.map(Math.abs));
      // The first weight of the first tile is its first pixel behind the gap.
      expect(image.data[(image.width + 1) * channels]).toBe(Math.round(127.5 + (127.5 * (flat[0] ?? 0)) / most));
      expect(Math.min(...image.data) === 0 || Math.max(...image.data) === 255).toBe(true);
    }
  });

  test.for(['text/html', 'image/jpeg'])('in no other format, such as %s', async (accept, { api }) => {
    const { jobId } = await withModel(api);
    expect((await api.get(`/jobs/${jobId}/filters`, { accept })).statusCode).toBe(406);
  });
});

test('a layer that is no convolution is refused with those there are', async ({ api }) => {
  const { jobId } = await withModel(api);
  const response = await api.get(`/jobs/${jobId}/filters?layer=frist`);
  expect(response.statusCode).toBe(422);
  expect(response.json()).toMatchObject({
    errors: [{ path: '?layer', message: expect.stringMatching(/"frist".*did you mean "first".*first, 1\.layers\.0, 2/) as string }],
  });
  const flat = await startJob(api.jobs);
  expect((await api.get(`/jobs/${flat.jobId}/filters`)).json()).toMatchObject({
    status: 422,
    detail: expect.stringMatching(/no convolutions/) as string,
  });
});

test('a convolution with too many weights is over a limit, and the error says where all weights are', async ({ api }) => {
  const { jobId } = await withModel(api, wide);
  const response = await api.get(`/jobs/${jobId}/filters`);
  const message = 'large has 1048576 weights, but a response may have at most 1000000: download model.safetensors';
  expect(response.statusCode).toBe(422);
  expect(response.json()).toMatchObject({ code: 'invalidRequest', errors: [{ path: '?layer', message, code: 'limitExceeded' }] });
});
