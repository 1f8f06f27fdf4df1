// Small whole runs. Their weights must have the hashes in hashes.json. Together they use all layers, all optimizers, and every kernel that
// could give other bits after a change. Their sizes are large enough for the fast kernels.
import { type Backend, setBackend, train, WasmBackend } from '@trainyard/engine';
import { checkSpec } from '@trainyard/engine/spec';
import { mobileNetV3Job } from '../../support/mobileNetV3.ts';

const crossEntropy = { type: 'crossEntropy' };
const classes = { type: 'linear', outFeatures: 10 };
const digits = { dataset: 'digits', trainLimit: 192, testLimit: 16, batchSize: 64 };

const convolution = (outChannels: number, kernelSize = 3, padding = 1): object => ({ type: 'conv2d', outChannels, kernelSize, padding });
const relu = { type: 'relu' };
const pool = { type: 'maxPool2d', kernelSize: 2 };

export const goldenJobs: Readonly<Record<string, object>> = {
  'LeNet, sgd with momentum': {
    seed: 1,
    data: digits,
    model: { preset: 'lenet5' },
    loss: crossEntropy,
    optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9 },
    epochs: 2,
  },
  "the tutorial's LeNet on a batch of one, plain sgd": {
    seed: 0,
    data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10] },
    model: { preset: 'lenet5' },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 0.01 },
    epochs: 5,
  },
  'blocks of 3×3 convolutions on images of three channels': {
    seed: 2,
    data: { dataset: 'random', inputShape: [3, 32, 32], targetShape: [10], samples: 36, batchSize: 32 },
    model: { preset: 'vggSmall' },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
    epochs: 1,
  },
  'ResNet with batch norm, adam': {
    seed: 3,
    data: { ...digits, trainLimit: 64, batchSize: 32 },
    model: { preset: 'resnet8' },
    loss: crossEntropy,
    optimizer: { type: 'adam', learningRate: 0.003 },
    scheduler: { type: 'cosine', tMax: 4 },
    gradientClipping: { maxNorm: 1 },
    epochs: 1,
  },
  'depthwise convolutions, rmsprop': {
    seed: 4,
    data: { ...digits, trainLimit: 48, batchSize: 16 },
    model: { preset: 'mobileNetSmall' },
    loss: { ...crossEntropy, labelSmoothing: 0.1 },
    optimizer: { type: 'rmsprop', learningRate: 0.001, momentum: 0.5, centered: true },
    epochs: 1,
  },
  'dropout, augmentation, adamW': {
    seed: 5,
    data: {
      ...digits,
      transforms: [
        { type: 'randomCrop', size: 28, padding: 2 },
        { type: 'horizontalFlip' },
        { type: 'normalize', mean: [0.5], std: [0.25] },
      ],
    },
    model: { layers: [convolution(8), relu, pool, { type: 'dropout', p: 0.25 }, { type: 'flatten' }, classes] },
    loss: crossEntropy,
    optimizer: { type: 'adamW', learningRate: 0.003 },
    epochs: 2,
  },
  'strides, dilation, groups and transposed convolutions with every smooth activation': {
    seed: 6,
    data: { dataset: 'random', inputShape: [4, 15, 17], targetShape: [3], samples: 20, batchSize: 8 },
    model: {
      layers: [
        { type: 'conv2d', outChannels: 8, kernelSize: 3, stride: 2, padding: 1, groups: 2 },
        { type: 'gelu' },
        { type: 'groupNorm', numGroups: 2 },
        { type: 'conv2d', outChannels: 6, kernelSize: 3, dilation: 2, padding: 2 },
        { type: 'silu' },
        { type: 'convTranspose2d', outChannels: 5, kernelSize: 3, stride: 2 },
        { type: 'softplus' },
        { type: 'avgPool2d', kernelSize: 3 },
        { type: 'elu' },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 24 },
        { type: 'layerNorm' },
        { type: 'tanh' },
        { type: 'linear', outFeatures: 12 },
        { type: 'gelu', approximate: 'tanh' },
        { type: 'linear', outFeatures: 3 },
        { type: 'sigmoid' },
      ],
    },
    loss: { type: 'huber' },
    optimizer: { type: 'nAdam', learningRate: 0.002 },
    epochs: 2,
  },
  'a MobileNetV3 block, branches, instance norm and dropout of channels': mobileNetV3Job,
};

const noFile = () => Promise.reject(new Error('no file is read here'));

/** Trains each job on a new wasm backend, or on one from `makeBackend`. @returns the `weightsSha256` of each job */
export async function goldenHashes(
  names: readonly string[] = Object.keys(goldenJobs),
  makeBackend: () => Backend = () => new WasmBackend(),
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of names) {
    setBackend(makeBackend());
    const events = train(checkSpec(goldenJobs[name]).spec, { files: { find: noFile, read: noFile } });
    let next = await events.next();
    while (next.done !== true) next = await events.next();
    hashes[name] = next.value.result.weightsSha256;
  }
  return hashes;
}
