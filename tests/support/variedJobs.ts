// Jobs that together cover the parts of an exported script: random data and data in files, transforms, clipping, early stopping, and
// schedulers by epoch and by step.
import { mobileNetV3Job } from './mobileNetV3.ts';
import { valuesId } from './uploads.ts';

const classifier = (...layers: object[]): object => ({
  layers: [...layers, { type: 'flatten' }, { type: 'linear', outFeatures: 10 }],
});
const images = { dataset: 'mnist', trainLimit: 256, testLimit: 128 };
const crossEntropy = { type: 'crossEntropy' };

export const variedJobs: Readonly<Record<string, unknown>> = {
  'random numbers and a loss on values': {
    seed: 1,
    data: { dataset: 'random', inputShape: [3, 8, 8], targetShape: [4], samples: 20, batchSize: 6, dropLast: true },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 8 }, { type: 'tanh' }, { type: 'linear', outFeatures: 4 }] },
    loss: { type: 'huber', delta: 0.5 },
    optimizer: { type: 'rmsprop', momentum: 0.5 },
    scheduler: { type: 'exponential', gamma: 0.9, interval: 'step' },
    epochs: 3,
    onNonFinite: 'continue',
  },
  'batch norm, dropout and one cycle': {
    seed: 2,
    data: images,
    model: classifier(
      { type: 'conv2d', outChannels: 4, kernelSize: 3, groups: 1, bias: false },
      { type: 'batchNorm2d' },
      { type: 'leakyRelu' },
      { type: 'dropout', p: 0.25 },
    ),
    loss: crossEntropy,
    optimizer: { type: 'adamW' },
    scheduler: { type: 'oneCycle', maxLearningRate: 0.01, totalSteps: 8 },
    epochs: 2,
  },
  'instance norm, mish and dropout of channels': {
    seed: 6,
    data: images,
    model: classifier(
      { type: 'conv2d', outChannels: 4, kernelSize: 3, bias: false },
      { type: 'instanceNorm2d', affine: true, trackRunningStats: true },
      { type: 'mish' },
      { type: 'dropout2d', p: 0.25 },
    ),
    loss: crossEntropy,
    optimizer: { type: 'adam' },
    epochs: 2,
  },
  'a MobileNetV3 block and branches': mobileNetV3Job,
  'transforms that draw': {
    seed: 3,
    data: {
      ...images,
      transforms: [
        { type: 'randomCrop', size: 28, padding: 2 },
        { type: 'horizontalFlip' },
        { type: 'normalize', mean: [0.5], std: [0.25] },
      ],
    },
    model: classifier({ type: 'maxPool2d', kernelSize: 2 }),
    loss: crossEntropy,
    optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true },
    epochs: 2,
  },
  'standardized images in mixed batches': {
    seed: 6,
    data: {
      ...images,
      transforms: [
        { type: 'standardize' },
        { type: 'randomErasing', value: 'random' },
        { type: 'mixup', alpha: 0.2 },
        { type: 'cutmix', alpha: 2 },
      ],
    },
    model: classifier({ type: 'maxPool2d', kernelSize: 2 }),
    loss: { ...crossEntropy, labelSmoothing: 0.1 },
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 2,
  },
  'clipping, a plateau and early stopping': {
    seed: 4,
    data: { ...images, shuffle: false },
    model: classifier({ type: 'groupNorm', numGroups: 1 }, { type: 'gelu' }),
    loss: { ...crossEntropy, labelSmoothing: 0.1 },
    optimizer: { type: 'nAdam', weightDecay: 0.001 },
    scheduler: { type: 'reduceOnPlateau', metric: 'testLoss', patience: 0 },
    epochs: 4,
    gradientClipping: { maxNorm: 0.5 },
    earlyStopping: { metric: 'testLoss', patience: 1 },
  },
  'frozen layers and batch norms': {
    seed: 6,
    data: images,
    model: {
      layers: [
        { type: 'conv2d', name: 'conv1', outChannels: 4, kernelSize: 3 },
        { type: 'batchNorm2d', name: 'bn1' },
        { type: 'relu' },
        {
          type: 'residual',
          name: 'layer1',
          layers: [{ type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 }, { type: 'batchNorm2d' }],
        },
        { type: 'conv2d', name: 'a[?]', outChannels: 4, kernelSize: 3 },
        { type: 'batchNorm2d', name: 'bn2' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'flatten' },
        { type: 'linear', name: 'fc', outFeatures: 10 },
      ],
    },
    loss: crossEntropy,
    optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 },
    freeze: ['*1', 'a[?]', 'bn2.weight'],
    epochs: 2,
    gradientClipping: { maxNorm: 0.5 },
  },
  'groups of the optimizer, one of them for all other weights': {
    seed: 7,
    data: images,
    model: classifier(
      { type: 'conv2d', name: 'conv1', outChannels: 4, kernelSize: 3 },
      { type: 'batchNorm2d', name: 'bn1' },
      { type: 'relu' },
      { type: 'conv2d', name: 'conv2', outChannels: 4, kernelSize: 3 },
    ),
    loss: crossEntropy,
    optimizer: {
      type: 'adamW',
      learningRate: 0.01,
      weightDecay: 0.1,
      groups: [
        { layers: '*.bias', weightDecay: 0, betas: [0.8, 0.99] },
        { layers: 'conv*', learningRate: 0.001, eps: 1e-6 },
        { layers: '*', learningRate: 0.005 },
      ],
    },
    scheduler: { type: 'cosine', tMax: 3, etaMin: 0.0001 },
    freeze: ['conv1.bias'],
    epochs: 3,
  },
  'groups of the optimizer and a plateau': {
    seed: 8,
    data: images,
    model: classifier({ type: 'conv2d', name: 'conv1', outChannels: 4, kernelSize: 3 }),
    loss: crossEntropy,
    optimizer: {
      type: 'sgd',
      learningRate: 0.02,
      momentum: 0.5,
      groups: [{ layers: 'conv1', learningRate: 0.005, momentum: 0, nesterov: false }],
    },
    scheduler: { type: 'reduceOnPlateau', metric: 'testLoss', patience: 0, threshold: 0.5, minLearningRate: 0.001 },
    epochs: 4,
  },
  'groups of the optimizer and one cycle': {
    seed: 9,
    data: images,
    model: classifier({ type: 'conv2d', name: 'conv1', outChannels: 4, kernelSize: 3 }),
    loss: crossEntropy,
    optimizer: { type: 'sgd', momentum: 0.5, groups: [{ layers: 'conv1', weightDecay: 0.1 }] },
    scheduler: { type: 'oneCycle', maxLearningRate: 0.05 },
    epochs: 2,
  },
  'balanced class weights': {
    seed: 10,
    data: images,
    model: classifier({ type: 'maxPool2d', kernelSize: 2 }),
    loss: { ...crossEntropy, weight: 'balanced', labelSmoothing: 0.1 },
    optimizer: { type: 'sgd', learningRate: 0.05 },
    epochs: 2,
  },
  'balanced sampling and transforms that draw': {
    seed: 11,
    data: {
      ...images,
      sampling: 'balanced',
      batchSize: 100,
      transforms: [{ type: 'randomCrop', size: 28, padding: 2 }, { type: 'horizontalFlip' }],
    },
    model: classifier({ type: 'maxPool2d', kernelSize: 2 }, { type: 'dropout', p: 0.1 }),
    loss: crossEntropy,
    optimizer: { type: 'sgd', learningRate: 0.05 },
    epochs: 3,
  },
  'uploaded values with a test part': {
    seed: 5,
    data: { dataset: valuesId, trainLimit: 25, testLimit: 10, batchSize: 8, transforms: [{ type: 'standardize' }] },
    model: { layers: [{ type: 'linear', outFeatures: 8 }, { type: 'tanh' }, { type: 'linear', outFeatures: 3 }] },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 3,
  },
};
