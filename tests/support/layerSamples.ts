// One sample of each layer in the registry. Tests use it to check the properties that every layer must have.
import type { Shape } from '@trainyard/engine';

/** The options and the input shape of a sample for each layer. The shapes are small, and the options are not the defaults. */
export const layerSamples: Readonly<Record<string, { readonly options: object; readonly input: Shape }>> = {
  conv2d: {
    options: { outChannels: 4, kernelSize: [3, 2], stride: [1, 2], padding: 1, dilation: [2, 1], groups: 2 },
    input: [2, 6, 5],
  },
  convTranspose2d: {
    options: { outChannels: 4, kernelSize: [3, 2], stride: [2, 3], padding: 1, outputPadding: [1, 2], groups: 2, dilation: [1, 2] },
    input: [2, 4, 3],
  },
  linear: { options: { outFeatures: 3 }, input: [5] },
  maxPool2d: { options: { kernelSize: 3, stride: 2, padding: 1, ceilMode: true }, input: [2, 6, 5] },
  avgPool2d: { options: { kernelSize: [3, 2], stride: 2, padding: 1, ceilMode: true, countIncludePad: false }, input: [2, 6, 5] },
  adaptiveAvgPool2d: { options: { outputSize: [3, null] }, input: [2, 5, 4] },
  upsample: { options: { scaleFactor: [2, 1.5], mode: 'bilinear', alignCorners: true }, input: [2, 3, 4] },
  batchNorm2d: { options: { eps: 0.01 }, input: [2, 3, 4] },
  batchNorm1d: { options: { affine: false, momentum: null }, input: [3, 5] },
  layerNorm: { options: { normalizedShape: [4, 3] }, input: [2, 4, 3] },
  groupNorm: { options: { numGroups: 2 }, input: [4, 3, 2] },
  instanceNorm2d: { options: { affine: true, trackRunningStats: true, momentum: 0.3 }, input: [4, 3, 2] },
  dropout: { options: { p: 0 }, input: [3, 4] },
  dropout2d: { options: { p: 0 }, input: [2, 3, 4] },
  relu: { options: {}, input: [3, 4] },
  relu6: { options: {}, input: [3, 4] },
  leakyRelu: { options: { negativeSlope: 0.2 }, input: [3, 4] },
  elu: { options: { alpha: 0.7 }, input: [3, 4] },
  gelu: { options: { approximate: 'tanh' }, input: [3, 4] },
  silu: { options: {}, input: [3, 4] },
  sigmoid: { options: {}, input: [3, 4] },
  tanh: { options: {}, input: [3, 4] },
  softplus: { options: { beta: 2 }, input: [3, 4] },
  softmax: { options: { dim: -1 }, input: [3, 4] },
  logSoftmax: { options: {}, input: [3, 4] },
  prelu: { options: { numParameters: 3 }, input: [3, 4] },
  hardSwish: { options: {}, input: [3, 4] },
  hardSigmoid: { options: {}, input: [3, 4] },
  mish: { options: {}, input: [3, 4] },
  squeezeExcite: { options: { squeezeChannels: 3, activation: 'silu', scaleActivation: 'hardSigmoid' }, input: [4, 3, 2] },
  residual: {
    options: {
      layers: [
        { type: 'conv2d', name: 'first', outChannels: 3, kernelSize: 3, padding: 'same' },
        { type: 'tanh' },
        { type: 'dropout', p: 0 },
      ],
      shortcut: [{ type: 'conv2d', outChannels: 3, kernelSize: 1, bias: false }],
    },
    input: [2, 4, 3],
  },
  branches: {
    options: {
      branches: [
        [{ type: 'conv2d', name: 'only', outChannels: 3, kernelSize: 1 }],
        [],
        [{ type: 'conv2d', outChannels: 2, kernelSize: 3, padding: 'same', bias: false }, { type: 'dropout', p: 0 }, { type: 'tanh' }],
      ],
    },
    input: [2, 4, 3],
  },
  flatten: { options: { startDim: 2 }, input: [2, 3, 4] },
};
