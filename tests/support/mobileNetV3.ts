// A job that trains a small network of a MobileNetV3 block (Howard et al. 2019), branches, and layers that draw and keep statistics.

const normalized = (outChannels: number, kernelSize: number, options: object = {}): object[] => [
  { type: 'conv2d', outChannels, kernelSize, padding: (kernelSize - 1) / 2, bias: false, ...options },
  { type: 'batchNorm2d', eps: 0.001, momentum: 0.01 },
];
const hardSwish = { type: 'hardSwish' };

const invertedResidual = {
  type: 'residual',
  layers: [
    ...normalized(24, 1),
    hardSwish,
    ...normalized(24, 3, { groups: 24 }),
    hardSwish,
    { type: 'squeezeExcite', squeezeChannels: 8, scaleActivation: 'hardSigmoid' },
    ...normalized(8, 1),
  ],
};

const mixed = {
  type: 'branches',
  branches: [
    normalized(4, 1),
    [
      { type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1, bias: false },
      { type: 'instanceNorm2d', affine: true, trackRunningStats: true },
      { type: 'mish' },
    ],
    [],
  ],
};

export const mobileNetV3Job = {
  seed: 12,
  data: { dataset: 'random', inputShape: [3, 12, 12], targetShape: [3], samples: 320, testSplit: 0.25, batchSize: 4 },
  model: {
    layers: [
      ...normalized(8, 3, { stride: 2 }),
      hardSwish,
      invertedResidual,
      mixed,
      { type: 'dropout2d', p: 0.2 },
      { type: 'adaptiveAvgPool2d', outputSize: 1 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 16 },
      hardSwish,
      { type: 'linear', outFeatures: 3 },
    ],
  },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.02, momentum: 0.9 },
  epochs: 3,
};
