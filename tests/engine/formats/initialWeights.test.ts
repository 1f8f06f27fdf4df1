// Tests the scripts of a job with initial weights from a file. Like the job, they load the file after the layers have drawn their own
// weights.
import { train, type TrainOptions } from '@trainyard/engine';
import { engineScript, pytorchScript } from '@trainyard/engine/formats';
import { checkSpec, type EpochMetrics } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { expect, test } from 'vitest';
import { scriptFolder } from './fixtures/runScripts.ts';

const body = {
  seed: 3,
  data: { dataset: 'random', inputShape: [1, 8, 8], targetShape: [3], samples: 24, batchSize: 5 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 2, kernelSize: 3 },
      { type: 'batchNorm2d' },
      { type: 'dropout', p: 0.3 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 3 },
    ],
  },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 2,
};

async function run(spec: unknown, options: Partial<TrainOptions> = {}) {
  const events = train(checkSpec(spec).spec, { files: new NodeDatasetFiles({ folders: [], home: '' }), ...options });
  const losses: EpochMetrics['trainLoss'][] = [];
  for (;;) {
    const next = await events.next();
    if (next.done === true) return { losses, weights: next.value.weights };
    if (next.value.type === 'epoch') losses.push(next.value.trainLoss);
  }
}

test('train.ts loads the weights and gives the losses of the job, bit for bit', async ({ onTestFinished }) => {
  const { weights, losses: drawn } = await run(body);
  const spec = { ...body, initialWeights: { weights: 'wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' } };
  const { losses } = await run(spec, { initialWeights: weights });
  expect(losses).not.toEqual(drawn);
  const scripts = await scriptFolder([engineScript(checkSpec(spec).spec)], { 'initial.safetensors': weights });
  onTestFinished(async () => await scripts.remove());
  expect(scripts.typeCheck()).toEqual({ status: 0, stdout: '' });
  const [answer] = await scripts.run();
  expect(answer?.error).toBeNull();
  expect(answer?.printed.split('\n').map((line) => (JSON.parse(line) as EpochMetrics).trainLoss)).toEqual(losses);
});

test('train.py loads the weights into the complete model before it reads the data', () => {
  const script = pytorchScript(checkSpec({ ...body, initialWeights: { job: 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' } }).spec);
  expect(script).toContain('from safetensors.torch import load_file\n');
  const places = ['torch.manual_seed(3)', 'nn.Linear(', 'model.load_state_dict(load_file("initial.safetensors"))', 'torch.randn('];
  const found = places.map((place) => script.indexOf(place));
  expect(found).not.toContain(-1);
  expect(found).toEqual(found.toSorted((a, b) => a - b));
  expect(pytorchScript(checkSpec(body).spec)).not.toContain('safetensors');
});
