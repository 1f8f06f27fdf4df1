// What the drawn digits are good for: networks that have seen nothing but them read real handwriting, MNIST's 10,000 test
// images. It needs those in TRAINYARD_DATASETS (the two t10k files of mnist/); without that variable it is not run.
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchTensors, countCorrect, Generator, inArena, loadWeights, noGrad, setBackend, train, WasmBackend } from '@trainyard/engine';
import { type Dataset, InlineLoader, idxDataset, sampleOrder } from '@trainyard/engine/data';
import { buildModel, checkSpec, type JobSpec } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { beforeAll, describe, expect, test } from 'vitest';

const folder = process.env['TRAINYARD_DATASETS'];
const files = new NodeDatasetFiles({ folders: [folder ?? ''], home: join(tmpdir(), 'trainyard-conformance') });
const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
const images = await files.find('mnist', 't10k-images-idx3-ubyte');
const labels = await files.find('mnist', 't10k-labels-idx1-ubyte');

/** The demo's LeNet, which is the README's. */
const lenet = JSON.parse(await readFile(new URL('../../docs/examples/lenet-digits.json', import.meta.url), 'utf8')) as { seed: number };

/** Final weights of a job. */
async function weightsOf(spec: JobSpec): Promise<Uint8Array> {
  const training = train(spec, { files });
  for (;;) {
    const next = await training.next();
    if (next.done === true) return next.value.weights;
  }
}

/** The share of a split that a network reads right. */
function accuracyOn(spec: JobSpec, weights: Uint8Array, dataset: Dataset): number {
  const model = buildModel(spec.model.layers, dataset.inputShape, new Generator(0));
  loadWeights(model, weights);
  model.eval();
  const loader = new InlineLoader(dataset, { batchSize: 250, dropLast: false, transforms: [] });
  let correct = 0;
  for (const batch of loader.epoch(sampleOrder(null, dataset.length))) {
    inArena(() =>
      noGrad(() => {
        const [input] = batchTensors(batch);
        correct += countCorrect(model.forward(input).values, batch.targets, classes.length);
      }),
    );
  }
  return correct / dataset.length;
}

describe('a LeNet that has seen drawn digits alone', () => {
  beforeAll(() => setBackend(new WasmBackend()));

  test.for([0, 1, 2])('reads at least 80 % of the test images of MNIST, with seed %i', async (seed, { task }) => {
    if (images === null || labels === null)
      throw new Error('TRAINYARD_DATASETS holds no mnist/t10k-images-idx3-ubyte and …labels-idx1-ubyte');
    const mnist = idxDataset({ name: 'images', bytes: images }, { name: 'labels', bytes: labels }, classes);
    expect(mnist.length).toBe(10_000);
    const { spec } = checkSpec({ ...lenet, seed });
    const accuracy = accuracyOn(spec, await weightsOf(spec), mnist);
    task.meta.deviation = 1 - accuracy;
    expect(accuracy).toBeGreaterThanOrEqual(0.8);
  });
});
