// The digits as arrays, which train.py reads.
import { npyDataset } from '@trainyard/engine/data';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { parseApiKeys } from '@trainyard/jobs';
import { unzipSync } from 'fflate';
import { expect } from 'vitest';
import { makeDataFolder } from '../support/dataFolder.ts';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { apiTest as test, openApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

test('gives all digits as NPZ, with a name to save it under', async ({ api }) => {
  const response = await api.get('/datasets/digits/export');
  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="digits.npz"',
  });
  const files = unzipSync(response.rawPayload);
  const read = (part: string) =>
    npyDataset({ name: 'x', bytes: files[`${part}_inputs.npy`] }, { name: 'y', bytes: files[`${part}_targets.npy`] });
  expect(read('train')).toMatchObject({ length: 10_000, inputShape: [1, 28, 28], target: { kind: 'class' } });
  expect(read('test')).toMatchObject({ length: 2_000 });
});

test('says what is not there: files of a built-in dataset, samples of random data, an unknown dataset', async ({ api }) => {
  for (const [id, detail] of [
    ['mnist', 'The files of mnist are not on this server. A job that uses the dataset downloads them.'],
    ['random', 'random has no stored samples: they are generated from the options and the seed of a spec.'],
    ['mnisd', 'There is no dataset "mnisd". Use mnist, fashionMnist, cifar10, digits, random, or a dataset that you uploaded.'],
  ]) {
    const response = await api.get(`/datasets/${id}/export`);
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ code: 'notFound', detail });
  }
});

redisTest('reads one built-in dataset of a key at a time, so that other keys have their turn', async ({ redis, onTestFinished }) => {
  const folder = await makeDataFolder();
  onTestFinished(async () => await folder.remove());
  const files = new NodeDatasetFiles({ folders: [folder.path], home: folder.path });
  const begun = new Set<string>();
  const resume = Promise.withResolvers<void>();
  const find: typeof files.find = async (dataset, ...rest) => {
    begun.add(dataset);
    await resume.promise;
    return await files.find(dataset, ...rest);
  };
  const [ada, bob] = [makeKey('ada'), makeKey('bob')];
  const datasetFiles = { find, locate: files.locate.bind(files) };
  const api = await openApi(redis, { datasetFiles, apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
  onTestFinished(async () => await api.close());

  const first = api.get('/datasets/mnist/export', bearer(ada));
  await until(() => begun.has('mnist'));
  const second = api.get('/datasets/cifar10/export', bearer(ada));
  const other = api.get('/datasets/fashionMnist/samples', bearer(bob));
  await until(() => begun.has('fashionMnist'));
  expect([...begun]).toEqual(['mnist', 'fashionMnist']);
  resume.resolve();
  for (const response of await Promise.all([first, second, other])) expect(response.statusCode).toBe(200);
  expect([...begun]).toEqual(['mnist', 'fashionMnist', 'cifar10']);
});
