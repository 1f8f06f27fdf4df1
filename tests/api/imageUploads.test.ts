// Uploads of photos over HTTP: the fields of the form, the description of the dataset, its identity, and predictions that prepare an image
// as the dataset did.
import { type Dataset, datasetSamples, datasetSchema, type Job, prediction, type Problem } from '@trainyard/contracts';
import { encodeWeights, Generator, WasmBackend, withBackend } from '@trainyard/engine';
import { buildModel } from '@trainyard/engine/spec';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { beforeAll, describe, expect } from 'vitest';
import { plainPng } from '../engine/data/imageFixtures.ts';
import { until } from '../support/until.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { formParts, upload } from './fixtures/forms.ts';

/** A photo on its side, a transparent drawing, and a grey image of another size. */
let photo: Buffer;
let drawing: Buffer;
let archive: Uint8Array;

beforeAll(async () => {
  const slopes = Uint8Array.from({ length: 60 * 40 * 3 }, (_, i) => (i % 3 === 0 ? i / 40 : i * 7) % 256);
  const raw = sharp(slopes, { raw: { width: 60, height: 40, channels: 3 } });
  photo = await raw.clone().withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer();
  drawing = await raw
    .clone()
    .joinChannel(Buffer.alloc(2_400, 100), { raw: { width: 60, height: 40, channels: 1 } })
    .png()
    .toBuffer();
  archive = zipSync({
    'photos/犬/phone.jpg': photo,
    'photos/猫/drawing.png': drawing,
    'photos/猫/grey.png': plainPng(9, 7, 51),
    'photos/.DS_Store': Uint8Array.of(1),
    '__MACOSX/photos/犬/._phone.jpg': Uint8Array.of(1),
    'photos/nothing/': new Uint8Array(),
  });
});

async function uploaded(api: TestApi, fields: Readonly<Record<string, string>>, file = archive, status = 201): Promise<Dataset> {
  const response = await upload(api, formParts({ file }, fields));
  expect(response.statusCode, response.body).toBe(status);
  return datasetSchema.parse(response.json());
}

describe('photos of several sizes', () => {
  test('become samples of one size, and the dataset says how and what was ignored', async ({ api }) => {
    const { id } = await uploaded(api, { imageSize: '[12,16]', imageFit: 'pad', imageBackground: '#00ff00' });
    const dataset = datasetSchema.parse((await api.get(`/datasets/${id}`)).json());
    expect(dataset).toMatchObject({
      format: 'images',
      inputShape: [3, 12, 16],
      images: { size: [12, 16], fit: 'pad', mode: 'rgb', background: '#00ff00', skipped: 3 },
      samplesPerClass: [
        { class: '犬', train: 1, test: 0 },
        { class: '猫', train: 2, test: 0 },
      ],
    });
    expect(dataset.taken.map(({ field }) => field)).toEqual(['file', 'file', 'imageMode']);
    const { data } = datasetSamples.parse((await api.get(`/datasets/${id}/samples`)).json());
    const numbers = data.map(({ input }) => input.map((plane) => (plane as number[][]).flat()));
    for (const channel of [0, 1, 2]) {
      const values = numbers.flatMap((planes) => planes[channel].map((pixel) => pixel / 255));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(dataset.channelMeans?.[channel]).toBeCloseTo(mean, 12);
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      expect(dataset.channelDeviations?.[channel]).toBeCloseTo(Math.sqrt(squares / values.length), 12);
    }
    // The photo stands upright: 8 of 16 columns are the background.
    expect(numbers[0].map((plane) => plane[0])).toEqual([0, 255, 0]);
  });

  test('without imageSize are a 422 that lists the sizes', async ({ api }) => {
    const response = await upload(api, formParts({ file: archive }));
    expect(response.statusCode).toBe(422);
    const { errors } = response.json<Problem>();
    expect(errors).toMatchObject([
      {
        path: '/file',
        code: 'shapeMismatch',
        message: expect.stringMatching(
          /have 3 sizes \(width×height\): 9×7 \(1, .* 60×40 \(1, .* 40×60 \(1, .* imageSize=\[40,40\]/,
        ) as string,
      },
    ]);
  });

  test('are the same dataset only if they were prepared in the same way', async ({ api }) => {
    const first = await uploaded(api, { imageSize: '8', imageFit: 'stretch' });
    expect((await uploaded(api, { imageSize: '[8,8]', imageFit: 'stretch' }, archive, 200)).id).toBe(first.id);
    const flat = zipSync({ 'a/1.png': plainPng(4, 4, 9) });
    const [plain, padded] = [await uploaded(api, {}, flat), await uploaded(api, { imageFit: 'pad' }, flat)];
    expect(plain.sha256).not.toBe(padded.sha256);
    expect(plain).toMatchObject({ images: { size: [4, 4], fit: 'crop', mode: 'grey', background: '#ffffff', skipped: 0 }, taken: [] });
  });

  test('with a bad field are a 422 that names the field', async ({ api }) => {
    const fields = { imageSize: 'large', imageFit: 'cover', imageMode: 'cmyk', imageBackground: '#fff' };
    const response = await upload(api, formParts({ file: archive }, fields));
    expect(response.json<Problem>().errors?.map(({ path }) => path)).toEqual(Object.keys(fields).map((field) => `/${field}`));
  });
});

test('an image of a prediction is prepared like the images of the dataset', async ({ api }) => {
  const { id } = await uploaded(api, { imageSize: '[12,16]', imageFit: 'pad', imageBackground: '#00ff00' });
  const { data } = datasetSamples.parse((await api.get(`/datasets/${id}/samples`)).json());
  const model = { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 2 }] };
  const created = await api.post('/jobs', {
    data: { dataset: id },
    model,
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd' },
    epochs: 1,
  });
  const job = created.json<Job>();
  expect(created.statusCode, created.body).toBe(202);
  const { bytes } = withBackend(new WasmBackend(), () => encodeWeights(buildModel(job.spec.model.layers, [3, 12, 16], new Generator(1))));
  await api.artifacts.putBytes(job.id, 'model.safetensors', bytes);
  const url = `/jobs/${job.id}/predict`;
  for (const [index, payload, type] of [
    [0, photo, 'image/jpeg'],
    [1, drawing, 'image/png'],
    [2, Buffer.from(plainPng(9, 7, 51)), 'image/png'],
  ] as const) {
    const sample = data[index].input.map((plane) => (plane as number[][]).map((row) => row.map((pixel) => pixel / 255)));
    const expected = prediction.parse((await api.post(url, { inputs: [sample] })).json());
    const shown = await api.call({ method: 'POST', url, headers: { 'content-type': type }, payload });
    expect(prediction.parse(shown.json())).toEqual(expected);
  }
});

test('a photo for a prediction may have up to 16 MiB', async ({ api }) => {
  const { id } = await uploaded(api, {}, zipSync({ 'a/1.png': plainPng(4, 4, 9), 'b/1.png': plainPng(4, 4, 8) }));
  const model = { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 2 }] };
  const spec = { data: { dataset: id }, model, loss: { type: 'crossEntropy' }, optimizer: { type: 'sgd' }, epochs: 1 };
  const url = `/jobs/${(await api.post('/jobs', spec)).json<Job>().id}/predict`;
  const send = async (bytes: number) =>
    await api.call({ method: 'POST', url, headers: { 'content-type': 'image/jpeg' }, payload: Buffer.alloc(bytes) });
  // The job has no weights yet, so an image that is not too large is a 404.
  expect((await send(3_000_000)).statusCode).toBe(404);
  const refused = await send(16 * 2 ** 20 + 1);
  expect([refused.statusCode, refused.json<Problem>().detail]).toEqual([413, 'The body may have at most 16777216 bytes.']);
});

test('an upload in the background reports its progress in bytes, and lists all bad images', async ({ api }) => {
  const bad = zipSync({ 'a/1.png': plainPng(4, 4, 9), 'a/2.png': Buffer.from('hello'), 'a/3.jpg': photo.subarray(0, -300) });
  const response = await upload(api, formParts({ file: bad }, { imageSize: '4' }), { prefer: 'respond-async' });
  expect(response.statusCode).toBe(202);
  const { id, progress } = datasetSchema.parse(response.json());
  expect(progress).toEqual({ read: 0, total: bad.length });
  await until(async () => datasetSchema.parse((await api.get(`/datasets/${id}`)).json()).status !== 'processing');
  const failed = datasetSchema.parse((await api.get(`/datasets/${id}`)).json());
  expect(failed).toMatchObject({ status: 'failed', images: null, problem: { status: 422 } });
  expect(failed.problem?.errors?.map(({ path }) => path)).toEqual(['/file/entry/a~12.png', '/file/entry/a~13.jpg']);
});
