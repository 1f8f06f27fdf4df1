// PyTorch's names of the layers, losses, optimizers and schedulers, as the files with its results have them. Each entry of the engine's
// registries is in one of these tables.

/** PyTorch's name of an entry in the file with its results. Null if the file has no such case. */
export type Counterparts = Readonly<Record<string, string | null>>;

export const layers: Counterparts = {
  conv2d: 'conv2d',
  convTranspose2d: 'conv_transpose2d',
  linear: 'linear',
  maxPool2d: 'max_pool2d',
  avgPool2d: 'avg_pool2d',
  adaptiveAvgPool2d: 'adaptive_avg_pool2d',
  upsample: 'upsample_nearest2d',
  batchNorm2d: 'batch_norm',
  batchNorm1d: 'batch_norm',
  layerNorm: 'layer_norm',
  groupNorm: 'group_norm',
  instanceNorm2d: null,
  dropout: null,
  dropout2d: null,
  relu: 'relu',
  relu6: 'relu6',
  leakyRelu: 'leaky_relu',
  elu: 'elu',
  gelu: 'gelu',
  silu: 'silu',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  softplus: 'softplus',
  softmax: 'softmax',
  logSoftmax: 'log_softmax',
  prelu: 'prelu',
  hardSwish: 'hardswish',
  hardSigmoid: null,
  mish: null,
  squeezeExcite: null,
  flatten: 'flatten',
  residual: null,
  branches: null,
};

export const losses: Counterparts = {
  mse: 'mse_loss',
  l1: 'l1_loss',
  smoothL1: 'smooth_l1_loss',
  huber: 'huber_loss',
  crossEntropy: 'cross_entropy',
  nll: 'nll_loss',
  bce: 'binary_cross_entropy',
  bceWithLogits: 'binary_cross_entropy_with_logits',
  klDiv: 'kl_div',
};

export const optimizers: Counterparts = {
  sgd: 'sgd',
  adam: 'adam',
  adamW: 'adamw',
  rmsprop: 'rmsprop',
  adagrad: 'adagrad',
  adadelta: 'adadelta',
  adamax: 'adamax',
  nAdam: 'nadam',
  rAdam: 'radam',
};

export const schedulers: Counterparts = {
  step: 'step',
  multiStep: 'multi_step',
  exponential: 'exponential',
  cosine: 'cosine',
  cosineWarmRestarts: 'cosine_warm_restarts',
  linear: 'linear',
  constant: 'constant',
  polynomial: 'polynomial',
  oneCycle: 'one_cycle',
  reduceOnPlateau: 'reduce_on_plateau',
};

/** Returns the types of a table by PyTorch's names. */
export const typesByName = (table: Counterparts): ReadonlyMap<string, string> =>
  new Map(Object.entries(table).flatMap(([type, name]) => (name === null ? [] : [[name, type] as const])));
