// How much memory predictions take, against what is estimated beforehand: every preset, layers of each kind, and a deep network.
import { catalog, checkSpec, Predictor, predictionCost } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { run } from './runs.ts';

const MEBIBYTE = 2 ** 20;
const conv = { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1 };
const linear = { type: 'linear', outFeatures: 10 };
const [flatten, relu] = [{ type: 'flatten' }, { type: 'relu' }];

const networks: Readonly<Record<string, object>> = {
  ...Object.fromEntries(catalog().presets.map(({ type }) => [type, { preset: type }])),
  'smooth activations and norms': {
    layers: [conv, { type: 'gelu' }, conv, { type: 'batchNorm2d' }, { type: 'silu' }, { type: 'groupNorm', numGroups: 4 }, flatten, linear],
  },
  'learned slopes, layer norm and softmax': {
    layers: [conv, { type: 'prelu' }, { type: 'elu' }, flatten, { type: 'layerNorm' }, linear, { type: 'softmax' }],
  },
  'strides, transposed convolutions, upsampling and average pooling': {
    layers: [
      { ...conv, stride: 2 },
      { type: 'convTranspose2d', outChannels: 8, kernelSize: 2, stride: 2 },
      { type: 'softplus' },
      { type: 'upsample', scaleFactor: 2 },
      { type: 'avgPool2d', kernelSize: 4 },
      flatten,
      linear,
    ],
  },
  'padding that mirrors, groups and large kernels': {
    layers: [
      { ...conv, paddingMode: 'reflect' },
      { ...conv, groups: 4 },
      relu,
      { ...conv, kernelSize: 7, padding: 3 },
      relu,
      flatten,
      linear,
    ],
  },
  'softmax of maps': { layers: [conv, { type: 'softmax', dim: 1 }, flatten, linear] },
  'wide linear layers': {
    layers: [flatten, { ...linear, outFeatures: 400 }, relu, { ...linear, outFeatures: 300 }, { type: 'tanh' }, linear],
  },
};

/** A predictor with the weights that the run begins with. */
async function predictorOf(model: object): Promise<{ predictor: Predictor; spec: ReturnType<typeof checkSpec>['spec'] }> {
  const body = {
    seed: 0,
    data: { dataset: 'random', inputShape: [3, 28, 28], targetShape: [10], samples: 2, batchSize: 2 },
    model,
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 1e-6 },
    epochs: 1,
  };
  const { spec } = checkSpec(body);
  const { weights } = await run(body);
  return { spec, predictor: new Predictor(spec, weights) };
}

describe.each(Object.entries(networks))('a prediction of %s', (_, model) => {
  test.each([1, 40])('of %d samples takes at most what is estimated, and at least a third of it', async (samples) => {
    const { spec, predictor } = await predictorOf(model);
    predictor.predict(new Float32Array(samples * 3 * 28 * 28).fill(0.5));
    const estimate = predictionCost(spec).memoryBytes(samples);
    expect(predictor.bytes).toBeLessThanOrEqual(estimate);
    expect(estimate).toBeLessThanOrEqual(3 * predictor.bytes + MEBIBYTE);
  });
});
