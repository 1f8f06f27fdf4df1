// What can be learned from: the list, and each of it.
import { datasetList, datasetSamples, datasetSchema } from '@trainyard/contracts';
import { datasetDefinitions } from '@trainyard/engine/data';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { unzipSync } from 'fflate';
import { expect } from 'vitest';
import { decodeImage } from '../../services/api/src/images/decodeImage.ts';
import { makeDataFolder } from '../support/dataFolder.ts';
import { redisTest } from '../support/redis.ts';
import { openApi, apiTest as test } from './fixtures/api.ts';

test('lists every dataset that a spec can name, each as it is shown alone', async ({ api }) => {
  const response = await api.get('/datasets');
  expect(response.statusCode).toBe(200);
  const { data } = datasetList.parse(response.json());
  expect(data.map(({ id }) => id)).toEqual(datasetDefinitions.map(({ name }) => name));
  for (const dataset of data) {
    const alone = await api.get(`/datasets/${dataset.id}`);
    expect(alone.statusCode).toBe(200);
    expect(datasetSchema.parse(alone.json())).toEqual(dataset);
  }
});

test('says the shape, the classes and the sizes of a dataset, and none where the spec decides', async ({ api }) => {
  expect((await api.get('/datasets/mnist')).json()).toMatchObject({
    source: 'builtIn',
    inputShape: [1, 28, 28],
    classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    trainSamples: 60_000,
    testSamples: 10_000,
  });
  expect((await api.get('/datasets/random')).json()).toMatchObject({
    inputShape: null,
    classes: null,
    trainSamples: null,
    testSamples: null,
  });
});

test('answers an unknown dataset with the known ones, and refuses an unknown parameter and another method', async ({ api }) => {
  const unknown = await api.get('/datasets/mnisd');
  expect(unknown.statusCode).toBe(404);
  expect(unknown.json()).toMatchObject({
    code: 'notFound',
    detail: 'There is no dataset "mnisd". Use mnist, fashionMnist, cifar10, digits, random, or a dataset that you uploaded.',
  });
  expect((await api.get('/datasets?size=1')).statusCode).toBe(422);
  expect((await api.get('/datasets/mnist?size=1')).statusCode).toBe(422);
  const put = await api.call({ method: 'PUT', url: '/datasets' });
  expect(put.statusCode).toBe(405);
  expect(put.headers['allow']).toBe('GET, HEAD, POST');
});

redisTest('shows the samples of built-in datasets whose files are there, and exports them', async ({ redis }) => {
  const folder = await makeDataFolder();
  const api = await openApi(redis, { datasetFiles: new NodeDatasetFiles({ folders: [folder.path], home: folder.path }) });
  try {
    const samples = datasetSamples.parse((await api.get('/datasets/mnist/samples?limit=3&part=test')).json());
    expect(samples).toMatchObject({ inputType: 'uint8', inputShape: [1, 28, 28], data: { length: 3 } });
    expect(samples.data[0].class).toBe(String(samples.data[0].target));
    const sheet = await api.get('/datasets/cifar10/samples?limit=9', { accept: 'image/png' });
    expect(await decodeImage({ name: 'sheet', bytes: sheet.rawPayload }, 1e6)).toMatchObject({
      width: 3 * 34 + 2,
      height: 3 * 34 + 2,
      channels: 3,
    });
    const { rawPayload } = await api.get('/datasets/cifar10/export');
    expect(Object.keys(unzipSync(rawPayload))).toEqual([
      'train_inputs.npy',
      'train_targets.npy',
      'test_inputs.npy',
      'test_targets.npy',
      'classes.npy',
    ]);
  } finally {
    await api.close();
    await folder.remove();
  }
});
