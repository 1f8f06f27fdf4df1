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

test('says which dataset there is when asked for another', async ({ api }) => {
  const response = await api.get('/datasets/mnist/export');
  expect(response.statusCode).toBe(404);
  expect(response.json()).toMatchObject({ code: 'notFound', detail: 'There is no dataset "mnist" to export; there is "digits".' });
});
