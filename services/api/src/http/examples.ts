// The example specs of the OpenAPI document. Tests send them to the service, so they stay valid.
import type { newSweep } from '@trainyard/contracts';
import type { JobSpecInput, LayerInput } from '@trainyard/engine/spec';
import type { z } from 'zod';

const afterConvolutions: LayerInput[] = [
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'flatten' },
  { type: 'linear', outFeatures: 120 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 84 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 10 },
];

/** The network of PyTorch's neural network tutorial, on a random input and target. */
export const tutorial: JobSpecInput = {
  name: 'tutorial',
  seed: 0,
  data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 1 },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'conv2d', name: 'conv2', outChannels: 16, kernelSize: 5 },
      ...afterConvolutions,
    ],
  },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 20,
};

/** LeNet on the built-in dataset `digits`, which the service draws itself. */
export const lenet: JobSpecInput = {
  name: 'lenet-digits',
  labels: { team: 'a' },
  data: { dataset: 'digits', batchSize: 64 },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5, padding: 2 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'conv2d', name: 'conv2', outChannels: 16, kernelSize: 5 },
      ...afterConvolutions,
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.01, momentum: 0.9 },
  scheduler: { type: 'step', stepSize: 1, gamma: 0.5 },
  epochs: 3,
};

/** A residual network, given by the name of a preset. The spec of the created job contains its layers. */
export const resnet: JobSpecInput = {
  name: 'resnet-digits',
  data: { dataset: 'digits', trainLimit: 2000, testLimit: 500, batchSize: 64 },
  model: { preset: 'resnet8' },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adamW', learningRate: 0.003 },
  epochs: 1,
};

/** A sweep over the learning rate and the width of a small network. */
export const sweepExample: z.input<typeof newSweep> = {
  name: 'how-fast',
  spec: {
    seed: 0,
    data: { dataset: 'digits', trainLimit: 500, testLimit: 100 },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 32 }, { type: 'relu' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 9,
  },
  space: {
    '/optimizer/learningRate': { type: 'logUniform', min: 0.001, max: 1 },
    '/model/layers/1/outFeatures': { type: 'choice', values: [16, 32, 64] },
  },
  strategy: { type: 'halving', minEpochs: 1, factor: 3 },
  metric: 'testAccuracy',
  maxJobs: 9,
  seed: 0,
};
