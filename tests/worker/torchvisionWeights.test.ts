// A network of torchvision from its weights to its export, with real training: a file with torchvision's names becomes the initial weights of a
// job with other classes, which keeps the layers before the last one, trains and gives a model.
import { join } from 'node:path';
import { decodeSafetensors, encodeOnnx, encodeSafetensors } from '@trainyard/engine/formats';
import { checkSpec, torchvisionNames } from '@trainyard/engine/spec';
import { createWith, FolderArtifactStore, initialWeightsOf, Renames, ReservedFiles, WeightsStore } from '@trainyard/jobs';
import { readWeightsFile } from '@trainyard/engine/node';
import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { seededWeights, torchvisionResults } from '../support/torchvision/seeded.ts';
import { workerTest as test } from './fixtures/workers.ts';

const preset = 'squeezeNet1_1';
const body = {
  seed: 5,
  data: { dataset: 'random', inputShape: [3, 40, 40], targetShape: [4], samples: 8, batchSize: 4 },
  model: { preset },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.001 },
  epochs: 1,
  freeze: ['features.*'],
} as const;

test('a job trains from a file with the names of torchvision and another number of classes', async ({ workers, redis, onTestFinished }) => {
  const names = torchvisionNames({ preset });
  if (names === null) throw new Error(`${preset} has names in torchvision`);
  await workers.start({ real: true });
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  onTestFinished(async () => await artifacts.close());
  const options = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const reservedFiles = new ReservedFiles(options);
  const weights = new WeightsStore({ ...options, reservedFiles });
  const services = {
    jobs: workers.jobs.store,
    weights,
    artifacts,
    reservedFiles,
    renames: new Renames({ acquire: () => Promise.resolve(() => undefined) }),
  };
  const file = artifacts.temporaryFile();
  const given = seededWeights(torchvisionResults[preset]);
  await writeFile(file, encodeSafetensors(given.map((tensor) => ({ ...tensor, name: `model.${tensor.name}` }))).bytes);
  const { id } = await weights.add(await readWeightsFile(file, { converted: `${file}.new`, maxBytes: 1e8 }), 'ada');
  const rename = [
    { from: '^model\\.', to: '' },
    { from: '^backbone', to: '' },
  ];
  const { spec } = checkSpec({ ...body, initialWeights: { weights: id, rename, exclude: ['classifier.*'], allowMissing: true } });
  const { job } = await createWith(await initialWeightsOf(spec, 'ada', services), services, { spec, owner: 'ada' });
  const ended = await workers.ended(job.id);
  expect(ended).toMatchObject({ status: 'succeeded', error: null });

  const model = Buffer.concat(await (await artifacts.open(job.id, 'model.safetensors')).toArray());
  const { tensors } = decodeSafetensors(model);
  const trained = new Map(tensors.map(({ name, data }) => [names.toTorchvision(name), data]));
  for (const { name, data } of given) if (!name.startsWith('classifier')) expect(trained.get(name), name).toEqual(data);
  expect(trained.get('classifier.1.bias')).toHaveLength(4);

  expect(encodeOnnx(spec, model, job.id).length).toBeGreaterThan(4 * (ended.result?.parameters ?? Infinity));

  const lines = (await workers.jobs.log.range(job.id, { limit: 100, types: ['log'] })).data.map(({ data }) => data);
  expect(lines).toMatchObject([
    { level: 'warn', message: 'initial weights: rename "^backbone" matches no name' },
    { level: 'info', message: "initial weights: the names of torchvision were replaced by the model's names" },
    {
      level: 'info',
      message: 'initial weights: 2 of 52 tensors are missing and keep their random values: classifier_1.weight, classifier_1.bias',
    },
  ]);
});
