// Tests that an ONNX model takes the samples of the dataset as they are, such as pixels from 0 to 255, and gives what a prediction of the
// service gives. onnxruntime runs the models.
import { encodeWeights, Generator } from '@trainyard/engine';
import { describeData, transformDefinitions } from '@trainyard/engine/data';
import { encodeOnnx } from '@trainyard/engine/formats';
import { buildModel, checkSpec, engineVersion, type JobSpec, lossDefinitions, Predictor } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { deviationOf, runOnnx } from '../../support/onnxRuntime.ts';
import { transformOptions } from '../../support/registryJobs.ts';

/** Options with which a transform does something else in evaluation than with its options in {@link transformOptions}. */
const variants: Readonly<Record<string, readonly object[]>> = {
  normalize: [
    { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
    { mean: [0.1], std: [2] },
  ],
  pad: [{ padding: [1, 2, 3, 4], fill: 0.5 }, { padding: 2 }, { padding: 3, paddingMode: 'reflect' }],
  randomCrop: [
    { size: 28, padding: 4 },
    { size: [36, 20], padding: 4, fill: 1 },
  ],
  centerCrop: [{ size: 21 }, { size: [40, 20] }],
  resize: [{ size: 20 }, { size: [45, 17] }, { size: 32 }],
  randomResizedCrop: [{ size: [24, 16] }],
  grayscale: [{}, { numOutputChannels: 3 }],
};

const TOLERANCE = 1e-5;
const BATCH = 3;

/** Returns a spec for photos of CIFAR-10, with a small network, and its weights. */
function network(transforms: readonly object[], more: object = {}): { spec: JobSpec; weights: Uint8Array } {
  const { spec } = checkSpec({
    seed: 1,
    data: { dataset: 'cifar10', transforms },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd' },
    epochs: 1,
    ...more,
  });
  const model = buildModel(spec.model.layers, describeData(spec.data).inputShape, new Generator(1));
  // The statistics that `standardize` would have found in the training data.
  const standardize = JSON.stringify([{ mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] }]);
  return { spec, weights: encodeWeights(model, engineVersion, { standardize }).bytes };
}

const pixels = Uint8Array.from({ length: BATCH * 3 * 32 * 32 }, (_, i) => (i * 97 + (i >> 5) * 31) % 256);

const cases = transformDefinitions.flatMap(({ type }) =>
  [transformOptions[type] ?? {}, ...(variants[type] ?? [])].map((options) => [type, options] as const),
);

describe('a model that takes pixels', () => {
  test.for([['no transform', null] as const, ...cases])('gives what a prediction gives: %s %j', async ([type, options]) => {
    const { spec, weights } = network(options === null ? [] : [{ type, ...options }]);
    const ours = new Predictor(spec, weights).predict(pixels);
    const theirs = await runOnnx(encodeOnnx(spec, weights), Float32Array.from(pixels), [BATCH, 3, 32, 32]);
    expect(theirs.shape).toEqual(ours.outputs.shape);
    expect(deviationOf(theirs.data, ours.outputs.values)).toBeLessThanOrEqual(TOLERANCE);
    expect(deviationOf(theirs.probabilities ?? [], ours.probabilities?.values ?? [1])).toBeLessThanOrEqual(TOLERANCE);
  });

  test('applies several transforms in their order', async () => {
    const { spec, weights } = network([
      { type: 'horizontalFlip' },
      { type: 'resize', size: 40 },
      { type: 'centerCrop', size: 36 },
      { type: 'normalize', mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
      { type: 'pad', padding: 1 },
    ]);
    const ours = new Predictor(spec, weights).predict(pixels);
    const theirs = await runOnnx(encodeOnnx(spec, weights), Float32Array.from(pixels), [BATCH, 3, 32, 32]);
    expect(deviationOf(theirs.data, ours.outputs.values)).toBeLessThanOrEqual(TOLERANCE);
  });

  test('names the classes, the transforms and the job in its metadata', () => {
    const { spec, weights } = network([{ type: 'normalize', mean: [0.5], std: [0.25] }]);
    const text = Buffer.from(encodeOnnx(spec, weights, 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')).toString('latin1');
    const { target } = describeData(spec.data);
    expect(text).toContain(JSON.stringify(target.kind === 'class' ? target.classes : null));
    expect(text).toContain('[{"type":"normalize","mean":[0.5],"std":[0.25]}]');
    expect(text).toContain('job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5');
    for (const key of ['classes', 'transforms', 'jobId']) expect(text).toContain(key);
  });
});

/** Losses of values that compare probabilities, with a last layer that gives what the loss needs. */
const lastLayers: Readonly<Record<string, string>> = { bce: 'sigmoid', klDiv: 'logSoftmax', nll: 'logSoftmax' };

test.for(lossDefinitions.map(({ type }) => type))(
  'a model has the probabilities of the loss %s exactly if a prediction has them',
  async (type) => {
    const isOfClasses = type === 'crossEntropy' || type === 'nll';
    const { spec, weights } = network([], {
      ...(!isOfClasses && { data: { dataset: 'random', inputShape: [4], targetShape: [3], samples: 2 } }),
      loss: { type },
      model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: isOfClasses ? 10 : 3 }, { type: lastLayers[type] ?? 'tanh' }] },
    });
    const shape = isOfClasses ? [BATCH, 3, 32, 32] : [2, 4];
    const inputs = isOfClasses ? pixels : Float32Array.from({ length: 8 }, (_, i) => i / 4 - 1);
    const { probabilities } = new Predictor(spec, weights).predict(inputs);
    const theirs = await runOnnx(encodeOnnx(spec, weights), Float32Array.from(inputs), shape);
    expect(theirs.probabilities === null).toBe(probabilities === null);
    if (probabilities !== null) expect(deviationOf(theirs.probabilities ?? [], probabilities.values)).toBeLessThanOrEqual(TOLERANCE);
  },
);
