// That nothing of the registries is unproven: each layer, loss, optimizer and scheduler has cases among the project's own PyTorch
// answers, or, where PyTorch has no numbers to compare with, gradients by finite differences. The tables say which.
import {
  buildModel,
  Generator,
  layerDefinitions,
  layerSchema,
  lossDefinitions,
  optim,
  randn,
  ReferenceBackend,
  schedulerDefinitions,
  withBackend,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { checkLeafGradients } from '../support/checkGradients.ts';
import { layerSamples } from '../support/layerSamples.ts';
import { readOwnConformance } from './conformanceDir.ts';

/** What PyTorch calls an entry in a conformance file; null where it has no counterpart, or one that draws numbers of its own. */
type Counterparts = Readonly<Record<string, string | null>>;

const layers: Counterparts = {
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
  dropout: null,
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
  flatten: 'flatten',
  residual: null,
};

const losses: Counterparts = {
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

const optimizers: Counterparts = {
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

const schedulers: Counterparts = {
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

/** Names of the cases in the project's own copy, whatever set is being run. */
function namesIn(file: string): ReadonlySet<unknown> {
  const cases = readOwnConformance<Record<string, unknown>[]>(file);
  return new Set(cases.map(({ op, optimizer, scheduler }) => op ?? optimizer ?? scheduler));
}

/** Options with which a layer without a counterpart does something; its sample has them otherwise. */
const options: Readonly<Record<string, object>> = { dropout: { p: 0.4 } };

function checkLayer(type: string): void {
  const sample = layerSamples[type];
  expect(sample, `the layer ${type} has no sample`).toBeDefined();
  withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
    const generator = new Generator(7);
    const model = buildModel([layerSchema.parse({ type, ...sample.options, ...options[type] })], sample.input, generator);
    const batch = randn([2, ...sample.input], { requiresGrad: true, generator });
    const compute = () => {
      generator.manualSeed(9);
      return model.forward(batch);
    };
    checkLeafGradients(compute, [batch, ...model.parameters()], new Generator(8));
  });
}

describe.each([
  { kind: 'layer', file: 'ops.json', counterparts: layers, definitions: layerDefinitions, check: checkLayer },
  { kind: 'loss', file: 'losses.json', counterparts: losses, definitions: lossDefinitions, check: null },
  { kind: 'optimizer', file: 'optimizers.json', counterparts: optimizers, definitions: optim.optimizerDefinitions, check: null },
  { kind: 'scheduler', file: 'schedulers.json', counterparts: schedulers, definitions: schedulerDefinitions, check: null },
])('every $kind', ({ kind, file, counterparts, definitions, check }) => {
  const names = namesIn(file);

  test.each(definitions.map(({ type }) => type))(`is proven: %s`, (type) => {
    const counterpart = counterparts[type];
    expect(counterpart, `the ${kind} ${type} is in no table: say what PyTorch calls it in ${file}`).not.toBeUndefined();
    if (counterpart !== null) expect(names, `${file} has no case of the ${kind} ${type}`).toContain(counterpart);
    else if (check === null) expect.fail(`the ${kind} ${type} has no counterpart in PyTorch: check it by finite differences here`);
    else check(type);
  });

  test('is in the tables only if it exists', () => {
    expect(Object.keys(counterparts).toSorted()).toEqual(definitions.map(({ type }) => type).toSorted());
  });
});
