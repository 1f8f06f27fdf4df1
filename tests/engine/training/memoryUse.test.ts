// Compares the memory of trainings with the estimate of the dry run and with the memory that they need at least, for every preset and for
// layers of each kind.
import { setBackend, WasmBackend } from '@trainyard/engine';
import { checkSpec, inferShapes, layerDefinitions, layerSchema, type LayerSummary } from '@trainyard/engine/spec';
import { nodeThreads } from '@trainyard/engine/node';
import { describe, expect, test } from 'vitest';
import { layerSamples } from '../../support/layerSamples.ts';
import { conv, flatten, jobOf, linear, MEBIBYTE, networks, relu, smallPresets } from './networks.ts';
import { run } from './runs.ts';

const trained: Readonly<Record<string, object>> = {
  ...networks,
  'one linear layer': { layers: [flatten, linear] },
  'one convolution': { layers: [conv, flatten, linear] },
  'a convolution with strides': { layers: [conv, { ...conv, stride: 2 }, flatten, linear] },
  'padding that mirrors': { layers: [conv, { ...conv, paddingMode: 'reflect' }, flatten, linear] },
  'rectifiers that are pooled without a convolution before them': {
    layers: [{ type: 'upsample', scaleFactor: 4 }, relu, { type: 'maxPool2d', kernelSize: 4 }, flatten, linear],
  },
  'dropout, batch norm and smooth activations': {
    layers: [conv, { type: 'gelu' }, { type: 'dropout', p: 0.2 }, conv, { type: 'batchNorm2d' }, { type: 'silu' }, flatten, linear],
  },
  'group and layer norm, learned slopes, softmax': {
    layers: [
      conv,
      { type: 'groupNorm', numGroups: 4 },
      { type: 'elu' },
      conv,
      { type: 'prelu' },
      flatten,
      { type: 'layerNorm' },
      linear,
      { type: 'softmax' },
    ],
  },
  'squeeze and excite, instance norm': {
    layers: [
      conv,
      { type: 'squeezeExcite', squeezeChannels: 4 },
      { type: 'instanceNorm2d', affine: true },
      { type: 'hardSwish' },
      { ...conv, groups: 16 },
      { type: 'squeezeExcite', squeezeChannels: 8, activation: 'silu', scaleActivation: 'hardSigmoid' },
      { type: 'mish' },
      flatten,
      linear,
    ],
  },
  'branches that are joined and added': {
    layers: [
      conv,
      { type: 'branches', branches: [[conv, relu], [{ ...conv, kernelSize: 1, padding: 0 }, { type: 'batchNorm2d' }], []] },
      relu,
      {
        type: 'branches',
        merge: 'add',
        branches: [[], [{ ...conv, outChannels: 96 }, relu, { ...conv, outChannels: 48 }], [{ type: 'silu' }]],
      },
      flatten,
      linear,
    ],
  },
  'an inverted residual that widens and narrows': {
    layers: [
      conv,
      {
        type: 'residual',
        layers: [
          { ...conv, outChannels: 96, kernelSize: 1, padding: 0 },
          { type: 'batchNorm2d' },
          { type: 'hardSwish' },
          { ...conv, outChannels: 96, groups: 96 },
          { type: 'squeezeExcite', squeezeChannels: 24, scaleActivation: 'hardSigmoid' },
          { ...conv, kernelSize: 1, padding: 0 },
        ],
      },
      flatten,
      linear,
    ],
  },
  'groups, depthwise convolutions and large kernels': {
    layers: [conv, { ...conv, groups: 4 }, { ...conv, groups: 16 }, relu, { ...conv, kernelSize: 7, padding: 3 }, relu, flatten, linear],
  },
};

/** Batch sizes, each with an optimizer and the number of arrays that it keeps per parameter. */
const trainings = [
  [1, { type: 'sgd', learningRate: 0.001 }, 0],
  [8, { type: 'adam' }, 2],
  [40, { type: 'sgd', learningRate: 0.001, momentum: 0.9 }, 1],
] as const;

/**
 * Returns the memory that a training needs at least, in bytes: parameters and their gradients, the optimizer's arrays, the activations, and
 * the data. Activations are the input, the output of each layer (also inside residual and branches), a dropout's mask, and copies with padding
 * other than zeros. A flatten layer has none, because its output is its input.
 */
function needed(layers: readonly LayerSummary[], inputSize: number, stateArrays: number, batch: number): number {
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const sizes = layers.map(
    ({ type, outputShape, innerActivations = 0 }) =>
      (type === 'flatten' ? 0 : outputShape.reduce((size, length) => size * length, 1)) + innerActivations,
  );
  const activations = sizes.reduce((sum, size) => sum + size, inputSize);
  return 4 * (parameters * (2 + stateArrays) + batch * activations + 2 * batch * (inputSize + 10));
}

describe.each(Object.entries(trained))('the memory of %s', (_, model) => {
  test.each(trainings)(
    'for a batch of %d is at most the estimate of the dry run, and at most 1.5 times the need',
    async (batch, optimizer, stateArrays) => {
      const body = jobOf(model, batch, optimizer);
      setBackend(new WasmBackend());
      const { spec, summary } = checkSpec(body);
      const { result } = await run(body);
      const { memoryBytes } = summary.totals;
      expect(result.peakMemoryBytes).toBeLessThanOrEqual(memoryBytes);
      // A job makes copies to write its files. These copies are not tensors. The estimate includes them, `peakMemoryBytes` does not.
      const files = 4 * summary.totals.parameters * Math.max(1 + stateArrays, 3);
      expect(memoryBytes - files).toBeLessThanOrEqual(2 * result.peakMemoryBytes + MEBIBYTE);
      const inferred = inferShapes(spec.model.layers, [3, 28, 28]);
      if (!inferred.ok) throw inferred.error;
      // One additional MiB for memory that does not grow with the batch: packed and transformed weights, and sums. Only small batches need it.
      const fixed = batch < 16 ? MEBIBYTE : 0;
      expect(result.peakMemoryBytes).toBeLessThanOrEqual(1.5 * needed(inferred.layers, 3 * 28 * 28, stateArrays, batch) + fixed);
    },
  );
});

test.each(smallPresets)('the memory of %s on three threads is at most the estimate of the dry run', async (preset) => {
  const backend = new WasmBackend({ threads: nodeThreads(3) });
  setBackend(backend);
  try {
    const body = { ...jobOf({ preset }, 1, { type: 'sgd' }), threads: 3 };
    const { totals } = checkSpec(body).summary;
    const { result } = await run(body);
    expect(result.peakMemoryBytes).toBeLessThanOrEqual(totals.memoryBytes);
  } finally {
    await backend.close();
  }
});

/** The number of values in a batch's input. It is so large that one array of this size doubles an estimate. */
const INPUT_VALUES = 240_000;
/** The number of equal layers. If an estimate omits one array of each layer, the error is larger than the reserve of the estimate. */
const MOST_LAYERS = 8;

/** Returns several layers of a type, or one if its output has another shape than its input. */
function layersOf(type: string): readonly object[] {
  const { options, input } = layerSamples[type];
  const layer = layerSchema.parse({ type, ...options });
  const inferred = inferShapes([layer], input);
  const hasSameShape = inferred.ok && String(inferred.layers[0]?.outputShape) === String(input);
  return Array.from({ length: hasSameShape ? MOST_LAYERS : 1 }, () => layer);
}

test.each(layerDefinitions.map(({ type }) => type))(
  'the memory of a large batch through layers of type %s is at most the estimate of the dry run',
  async (type) => {
    const { input } = layerSamples[type];
    const batchSize = Math.ceil(INPUT_VALUES / input.reduce((size, length) => size * length, 1));
    const body = {
      seed: 0,
      data: { dataset: 'random', inputShape: input, targetShape: [1], samples: batchSize, batchSize },
      model: { layers: [...layersOf(type), flatten, { ...linear, outFeatures: 1 }] },
      loss: { type: 'mse' },
      optimizer: { type: 'sgd', learningRate: 0.001 },
      epochs: 1,
    };
    setBackend(new WasmBackend());
    const { totals } = checkSpec(body).summary;
    const { result } = await run(body);
    expect(result.peakMemoryBytes).toBeLessThanOrEqual(totals.memoryBytes);
  },
);
