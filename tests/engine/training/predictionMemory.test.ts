// Compares the memory that predictions use with the estimate: for every preset and for layers of each kind.
import { checkSpec, Predictor, predictionCost } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { conv, flatten, jobOf, linear, MEBIBYTE, networks, relu } from './networks.ts';
import { run } from './runs.ts';

const predicting: Readonly<Record<string, object>> = {
  ...networks,
  'smooth activations and norms': {
    layers: [conv, { type: 'gelu' }, conv, { type: 'batchNorm2d' }, { type: 'silu' }, { type: 'groupNorm', numGroups: 4 }, flatten, linear],
  },
  'learned slopes, layer norm and softmax': {
    layers: [conv, { type: 'prelu' }, { type: 'elu' }, flatten, { type: 'layerNorm' }, linear, { type: 'softmax' }],
  },
  'squeeze and excite, instance norm': {
    layers: [conv, { type: 'squeezeExcite', squeezeChannels: 4 }, { type: 'instanceNorm2d' }, { type: 'mish' }, flatten, linear],
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
};

/** Returns a predictor with the weights of a short training. The memory that it needs does not depend on their values. */
async function predictorOf(model: object): Promise<{ predictor: Predictor; spec: ReturnType<typeof checkSpec>['spec'] }> {
  const body = jobOf(model, 1, { type: 'sgd', learningRate: 1e-6 });
  const { spec } = checkSpec(body);
  const { weights } = await run(body);
  return { spec, predictor: new Predictor(spec, weights) };
}

describe.each(Object.entries(predicting))('a prediction of %s', (_, model) => {
  test.each([1, 40])('of %d samples uses at most the estimated memory, and at least a third of it', async (samples) => {
    const { spec, predictor } = await predictorOf(model);
    predictor.predict(new Float32Array(samples * 3 * 28 * 28).fill(0.5));
    const estimate = predictionCost(spec).memoryBytes(samples);
    expect(predictor.bytes).toBeLessThanOrEqual(estimate);
    expect(estimate).toBeLessThanOrEqual(3 * predictor.bytes + MEBIBYTE);
  });
});
