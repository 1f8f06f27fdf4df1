// The digits as arrays, which train.py reads.
import { npyDataset } from '@trainyard/engine';
import { unzipSync } from 'fflate';
import { expect } from 'vitest';
import { apiTest as test } from './fixtures/api.ts';

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
    ['mnist', 'The files of mnist are not where this server looks for them; a job that uses it downloads them.'],
    ['random', "random has no samples of its own: a spec's options and its seed make them."],
    ['mnisd', 'There is no dataset "mnisd"; there are mnist, fashionMnist, cifar10, digits, random, and those that you uploaded.'],
  ]) {
    const response = await api.get(`/datasets/${id}/export`);
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ code: 'notFound', detail });
  }
});
