// Predictions over HTTP: the numbers of the engine's own evaluation, of JSON and of images, and what is refused and how.
import { prediction } from '@trainyard/contracts';
import { train, type TrainingEvent } from '@trainyard/engine';
import { encodePng, InlineLoader } from '@trainyard/engine/data';
import { decodeSafetensors, encodeSafetensors } from '@trainyard/engine/formats';
import { checkSpec, type JobSpec } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import sharp from 'sharp';
import { beforeAll, describe, expect } from 'vitest';
import { createJob, startJob } from '../support/jobs.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';

const { spec } = checkSpec({
  seed: 3,
  data: {
    dataset: 'digits',
    trainLimit: 200,
    testLimit: 50,
    transforms: [
      { type: 'normalize', mean: [0.13], std: [0.31] },
      { type: 'randomCrop', size: 28, padding: 2 },
    ],
  },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv1', outChannels: 4, kernelSize: 5 },
      { type: 'batchNorm2d' },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'dropout', p: 0.3 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam', learningRate: 0.003 },
  epochs: 1,
});

let weights: Uint8Array;
let checkpoint: Uint8Array;
let evaluation: Extract<TrainingEvent, { type: 'evaluation' }>;
/** Pixels of the test part, sample by sample. */
let pixels: Uint8Array[];

async function trained(of: JobSpec): Promise<void> {
  const files = new NodeDatasetFiles({ folders: [], home: '' });
  const events = train(of, {
    files,
    checkpointDue: () => false,
    openLoader: (dataset, options) => {
      if (dataset.length === 50) {
        pixels = Array.from({ length: 50 }, (_, i) => Uint8Array.from(dataset.inputs.subarray(i * 784, (i + 1) * 784)));
      }
      return new InlineLoader(dataset, options);
    },
  });
  for (;;) {
    const next = await events.next();
    if (next.done === true) {
      weights = next.value.weights;
      return;
    }
    if (next.value.type === 'evaluation') evaluation = next.value;
    if (next.value.type === 'checkpoint') checkpoint = next.value.bytes;
  }
}

beforeAll(async () => await trained(spec));

async function withModel(api: TestApi, bytes = weights): Promise<string> {
  const jobId = await createJob(api.jobs, spec);
  await api.artifacts.putBytes(jobId, 'model.safetensors', bytes);
  return `/jobs/${jobId}/predict`;
}

const inputOf = (bytes: Uint8Array): number[][][] => [
  Array.from({ length: 28 }, (_, y) => Array.from({ length: 28 }, (_, x) => (bytes[y * 28 + x] ?? 0) / 255)),
];

describe('POST /jobs/{id}/predict', () => {
  test("gives the numbers of the run's own evaluation, alone or with others", async ({ api }) => {
    const url = await withModel(api);
    const inputs = pixels.map(inputOf);
    const response = await api.post(url, { inputs });
    expect(response.statusCode).toBe(200);
    const all = prediction.parse(response.json());
    if (evaluation.kind !== 'classes') throw new Error('no evaluation of classes');
    expect(evaluation.mostConfidentlyWrong.length).toBeGreaterThan(0);
    for (const { index, predictedClass, probability } of evaluation.mostConfidentlyWrong) {
      expect(all.classIndices?.[index]).toBe(predictedClass);
      expect(all.classes?.[index]).toBe(String(predictedClass));
      expect((all.probabilities?.[index] as number[] | undefined)?.[predictedClass]).toBe(probability);
      const alone = prediction.parse((await api.post(url, { inputs: [inputs[index]] })).json());
      expect(alone.outputs[0]).toEqual(all.outputs[index]);
    }
  });

  test('reads a PNG, and one of colours as grey', async ({ api }) => {
    const url = await withModel(api);
    const bytes = pixels[7] ?? new Uint8Array();
    const expected = (await api.post(url, { inputs: [inputOf(bytes)] })).json<unknown>();
    const send = async (channels: 1 | 3, data: Uint8Array, width = 28) =>
      await api.call({
        method: 'POST',
        url,
        headers: { 'content-type': 'image/png' },
        payload: Buffer.from(encodePng({ width, height: data.length / channels / width, channels, data })),
      });
    const grey = await send(1, bytes);
    expect(grey.statusCode).toBe(200);
    expect(grey.json()).toEqual(expected);
    expect(
      (
        await send(
          3,
          Uint8Array.from({ length: 784 * 3 }, (_, i) => bytes[Math.floor(i / 3)] ?? 0),
        )
      ).json(),
    ).toEqual(expected);
    // An image of another size is scaled so that it fills the size, and the middle is kept: a tall one loses its upper and lower quarter.
    const tall = Uint8Array.from({ length: 784 * 2 }, (_, i) => (i >= 392 && i < 1176 ? 200 : 0));
    const stripe = (await api.post(url, { inputs: [inputOf(new Uint8Array(784).fill(200))] })).json<unknown>();
    expect((await send(1, tall, 28)).json()).toEqual(stripe);
  });

  test('exchanges black and white of an image with invert=true, and refuses that for numbers', async ({ api }) => {
    const url = await withModel(api);
    const bytes = pixels[7] ?? new Uint8Array();
    const expected = (await api.post(url, { inputs: [inputOf(bytes)] })).json<unknown>();
    const payload = Buffer.from(encodePng({ width: 28, height: 28, channels: 1, data: bytes.map((value) => 255 - value) }));
    const inverted = await api.call({ method: 'POST', url: `${url}?invert=true`, headers: { 'content-type': 'image/png' }, payload });
    expect(inverted.json()).toEqual(expected);
    const numbers = await api.post(`${url}?invert=true`, { inputs: [inputOf(bytes)] });
    expect(numbers.json()).toMatchObject({
      status: 422,
      errors: [{ path: '/invert', message: expect.stringMatching(/only an image/) as string }],
    });
  });

  test('reads the formats that uploads have, upright and whatever the header calls them', async ({ api }) => {
    const url = await withModel(api);
    const bytes = pixels[7] ?? new Uint8Array();
    const expected = (await api.post(url, { inputs: [inputOf(bytes)] })).json<unknown>();
    const send = async (type: string, payload: Buffer) =>
      (await api.call({ method: 'POST', url, headers: { 'content-type': type }, payload })).json<unknown>();
    const image = sharp(bytes, { raw: { width: 28, height: 28, channels: 1 } });
    const turned = await image.clone().rotate(270).toColourspace('b-w').raw().toBuffer();
    // 6: a quarter to the right makes it upright.
    const phone = sharp(turned, { raw: { width: 28, height: 28, channels: 1 } }).withMetadata({ orientation: 6 });
    expect(await send('image/webp', await image.clone().webp({ lossless: true }).toBuffer())).toEqual(expected);
    expect(await send('image/tiff', await image.clone().tiff({ compression: 'lzw' }).toBuffer())).toEqual(expected);
    expect(await send('image/jpeg', await image.clone().png().toBuffer())).toEqual(expected);
    expect(await send('image/x-unknown', await phone.png().toBuffer())).toEqual(expected);
    expect(await send('image/heic', Buffer.from('\0\0\0\x1cftypheic\0\0\0\0'))).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/^the image is a HEIC image, which is not read: convert it to PNG or JPEG/) as unknown,
    });
  });

  test('shows what each layer makes of a sample', async ({ api }) => {
    const url = await withModel(api);
    const response = await api.post(`${url}?activations=true`, { inputs: [inputOf(pixels[0] ?? new Uint8Array())] });
    const { activations, outputs } = prediction.parse(response.json());
    expect(activations?.map(({ name, type, shape }) => [name, type, shape])).toEqual([
      ['conv1', 'conv2d', [1, 4, 24, 24]],
      ['1', 'batchNorm2d', [1, 4, 24, 24]],
      ['2', 'relu', [1, 4, 24, 24]],
      ['3', 'maxPool2d', [1, 4, 12, 12]],
      ['4', 'dropout', [1, 4, 12, 12]],
      ['5', 'flatten', [1, 576]],
      ['6', 'linear', [1, 10]],
    ]);
    expect(activations?.at(-1)?.values).toEqual(outputs);
    const many = await api.post(`${url}?activations=true`, { inputs: Array.from({ length: 200 }, () => inputOf(new Uint8Array(784))) });
    expect(many.statusCode).toBe(422);
    expect(many.json<{ detail: string }>().detail).toMatch(/at most 1000000: send at most 115 inputs at a time/);
  });

  test('gives null for what is no number, and names it beside', async ({ api }) => {
    // Weights with which white overflows float32, and black becomes large and negative, which the rectifier makes 0.
    const tensors = decodeSafetensors(weights).tensors.map((tensor) =>
      tensor.name === 'conv1.weight' ? { ...tensor, data: new Float32Array(tensor.data.length).fill(1.3e37) } : tensor,
    );
    const url = await withModel(api, encodeSafetensors(tensors).bytes);
    const [usual, huge] = [inputOf(new Uint8Array(784)), inputOf(new Uint8Array(784).fill(255))];
    const answer = prediction.parse((await api.post(`${url}?activations=true`, { inputs: [usual, huge] })).json());
    const { outputs, probabilities, activations, nonFinite = {} } = answer;
    const walk = (value: unknown, place: string): string[] =>
      Array.isArray(value) ? value.flatMap((inner, i) => walk(inner, `${place}/${i}`)) : value === null ? [place] : [];
    const nulls = [
      ...walk(outputs, 'outputs'),
      ...walk(probabilities, 'probabilities'),
      ...(activations ?? []).flatMap(({ values }, index) => walk(values, `activations/${index}/values`)),
    ];
    expect(nulls.toSorted()).toEqual(Object.keys(nonFinite).toSorted());
    expect(nulls.filter((place) => place.startsWith('outputs'))).toEqual(Array.from({ length: 10 }, (_, i) => `outputs/1/${i}`));
    expect(walk(outputs[0], '')).toEqual([]);
    const fine = prediction.parse((await api.post(url, { inputs: [usual] })).json());
    expect(fine).not.toHaveProperty('nonFinite');
  });

  test('takes the last checkpoint while the job trains', async ({ api }) => {
    const attempt = await startJob(api.jobs, spec);
    const url = `/jobs/${attempt.jobId}/predict`;
    const body = { inputs: [inputOf(pixels[0] ?? new Uint8Array())] };
    expect((await api.post(url, body)).json()).toMatchObject({ status: 404, detail: expect.stringMatching(/no weights yet/) as string });
    await api.artifacts.putBytes(attempt.jobId, 'checkpoint-1-1.safetensors', checkpoint);
    await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: checkpoint.length }, 'checkpoint-1-1.safetensors');
    expect((await api.post(url, body)).json()).toEqual((await api.post(await withModel(api), body)).json());
  });

  test.for([
    [{ inputs: [[1, 2]] }, '/inputs/0', /list of 1, got 2: .*\[1, 28, 28\].*\[2\]/],
    [{ inputs: [[[]]] }, '/inputs/0/0', /list of 28, got 0/],
    [{ inputs: [[1]] }, '/inputs/0/0', /list of 28, got a number/],
    [{ inputs: [[Array.from({ length: 28 }, () => Array.from({ length: 28 }, () => 'x'))]] }, '/inputs/0/0/0/0', /a number, got a string/],
    [{ inputs: [[Array.from({ length: 28 }, () => Array.from({ length: 28 }, () => 255))]] }, '/inputs/0/0/0/0', /divide .* by 255/],
    [{ inputs: [[Array.from({ length: 28 }, () => Array.from({ length: 28 }, () => -0.1))]] }, '/inputs/0/0/0/0', /from 0 to 1/],
    [{ rows: [{ city: 'Oslo' }] }, '/rows', /not a table: send inputs/],
    [{ inputs: [] }, '/inputs', /./],
    [{ inputs: Array.from({ length: 257 }, () => 0) }, '/inputs', /256/],
    [{ input: [] }, '/input', /did you mean "inputs"/],
  ] as const)('refuses %j and names the place', async ([body, path, message], { api }) => {
    const response = await api.post(await withModel(api), body);
    expect(response.statusCode).toBe(422);
    const errors = response.json<{ errors: { path: string; message: string }[] }>().errors;
    expect(errors.find((error) => error.path === path)?.message).toMatch(message);
  });

  test('refuses what is no image, no JSON, or too much', async ({ api }) => {
    const url = await withModel(api);
    const send = async (type: string, payload: Buffer | string) =>
      await api.call({ method: 'POST', url, headers: { 'content-type': type }, payload });
    const garbage = await send('image/jpeg', 'not an image');
    expect(garbage.statusCode).toBe(422);
    expect(garbage.json<{ detail: string }>().detail).toBe(
      'the image is text, not an image: images are PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF.',
    );
    expect((await send('text/plain', 'x')).statusCode).toBe(415);
    expect((await send('application/json', '{')).statusCode).toBe(400);
    expect((await send('application/json', ' '.repeat(1_048_577))).statusCode).toBe(413);
    expect((await api.post('/jobs/nothing/predict', { inputs: [1] })).statusCode).toBe(404);
  });
});

test('a prediction that takes too long is ended, and answered with when to try again', async ({ redis }) => {
  const api = await openApi(redis, { predictions: { timeLimitMs: 0 } });
  const response = await api.post(await withModel(api), { inputs: [inputOf(pixels[0] ?? new Uint8Array())] });
  expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '5']);
  expect(response.json<{ detail: string }>().detail).toMatch(/took longer than/);
  await api.close();
});

test('networks that do not fit into the cache predict too, also several at a time', async ({ redis }) => {
  const api = await openApi(redis, { predictions: { cacheBytes: 0 } });
  const urls = [await withModel(api), await withModel(api)];
  const body = { inputs: [inputOf(pixels[0] ?? new Uint8Array())] };
  const answers = await Promise.all([...urls, ...urls].map(async (url) => (await api.post(url, body)).json<unknown>()));
  for (const answer of answers) expect(prediction.parse(answer)).toEqual(answers[0]);
  await api.close();
});
