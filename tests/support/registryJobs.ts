// A small job for each entry of the registries. A new entry without a job makes a test fail that names it. Whole runs of these jobs are
// compared with PyTorch and with exported scripts. Uploaded datasets are those of uploads.ts.
import { type Catalog, catalog, type PresetName, torchvisionNames } from '@trainyard/engine/spec';
import { layerSamples } from './layerSamples.ts';
import { pixelsId } from './uploads.ts';

type Kind = Exclude<keyof Catalog, 'limits'>;
type Job = Readonly<Record<string, unknown>>;

const known = catalog();
const definitionsOf = (kind: Kind) => known[kind].map(({ type, schema }) => ({ type, options: Object.keys(schema['properties'] ?? {}) }));

const values = { dataset: 'random', inputShape: [6], targetShape: [3], samples: 20, batchSize: 8 };
const images = { dataset: 'mnist', trainLimit: 96, testLimit: 40, batchSize: 32 };
const network = (...last: object[]): Job => ({
  layers: [{ type: 'linear', outFeatures: 8 }, { type: 'tanh' }, { type: 'linear', outFeatures: 3 }, ...last],
});
const classifier = (...last: object[]): Job => ({ layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }, ...last] });
const basis = { seed: 5, data: values, model: network(), loss: { type: 'mse' }, optimizer: { type: 'sgd', learningRate: 0.1 }, epochs: 3 };

/** Puts a trainable layer before the layer, so that gradients flow through it, and the end of a network after it. */
function layerJob(type: string): Job {
  const { options, input } = layerSamples[type] ?? { options: {}, input: [4] };
  return {
    ...basis,
    data: { ...values, inputShape: input, targetShape: [4] },
    model: { layers: [{ type: 'prelu' }, { type, ...options }, { type: 'flatten' }, { type: 'linear', outFeatures: 4 }] },
  };
}

const onClasses = (loss: object, ...last: object[]): Job => ({ ...basis, data: images, model: classifier(...last), loss });

const losses: Readonly<Record<string, Job>> = {
  mse: { ...basis, loss: { type: 'mse', reduction: 'sum' }, optimizer: { type: 'sgd', learningRate: 0.01 } },
  l1: { ...basis, loss: { type: 'l1' } },
  smoothL1: { ...basis, loss: { type: 'smoothL1', beta: 0.5 } },
  huber: { ...basis, loss: { type: 'huber', delta: 2 } },
  crossEntropy: onClasses({ type: 'crossEntropy', labelSmoothing: 0.1, weight: [1, 2, 1, 0.5, 1, 1, 1, 3, 1, 1] }),
  nll: onClasses({ type: 'nll', ignoreIndex: 3 }, { type: 'logSoftmax' }),
  bce: { ...basis, model: network({ type: 'sigmoid' }), loss: { type: 'bce', weight: [1, 0.5, 2] } },
  bceWithLogits: { ...basis, loss: { type: 'bceWithLogits', posWeight: [2, 1, 3] } },
  klDiv: { ...basis, model: network({ type: 'logSoftmax' }), loss: { type: 'klDiv', reduction: 'batchmean', logTarget: true } },
};

/** Options of optimizers that change their computation. */
const optimizerVariants = {
  weightDecay: { weightDecay: 0.01 },
  momentum: { momentum: 0.9 },
  nesterov: { momentum: 0.9, nesterov: true },
  amsgrad: { amsgrad: true },
  centered: { centered: true },
  decoupledWeightDecay: { weightDecay: 0.01, decoupledWeightDecay: true },
} as const;

const schedulers: Readonly<Record<string, object>> = {
  step: { stepSize: 2, gamma: 0.5 },
  multiStep: { milestones: [1, 3] },
  exponential: { gamma: 0.8, interval: 'step' },
  cosine: { tMax: 4, etaMin: 0.01 },
  cosineWarmRestarts: { t0: 2, tMult: 2, interval: 'step' },
  linear: { totalIters: 3 },
  constant: { totalIters: 2, factor: 0.25 },
  polynomial: { totalIters: 3, power: 2 },
  oneCycle: { maxLearningRate: 0.3, interval: 'step' },
  reduceOnPlateau: { patience: 0, threshold: 0.5 },
};

/** Options of transforms, by type. If a type is missing, it needs none. */
export const transformOptions: Readonly<Record<string, object>> = {
  normalize: { mean: [0.1307], std: [0.3081] },
  pad: { padding: [1, 2], paddingMode: 'reflect' },
  randomCrop: { size: [24, 26], padding: 3, paddingMode: 'edge' },
  horizontalFlip: { p: 0.3 },
  resize: { size: [21, 40] },
  centerCrop: { size: [24, 36] },
  randomResizedCrop: { size: 24 },
  rotate: { degrees: 50, fill: 0.2 },
  affine: { degrees: [-10, 20], translate: [0.1, 0.2], scale: [0.8, 1.2], shear: [-5, 5, 0, 8], center: [10, 12] },
  gaussianBlur: { kernelSize: [3, 5] },
  gaussianNoise: { sigma: 0.2 },
  randomErasing: { p: 0.8, value: 'random' },
  colorJitter: { brightness: 0.4, contrast: [0.5, 1.2], saturation: 0.6, hue: 0.2 },
};
/** The transforms whose jobs have grey images. The others have colour images. */
const onGrey = ['normalize', 'standardize', 'pad', 'randomCrop', 'horizontalFlip'];

function* jobs(): Generator<[name: string, job: Job]> {
  for (const { type } of definitionsOf('layers')) yield [`the layer ${type}`, layerJob(type)];
  for (const { type } of definitionsOf('presets')) {
    // The networks of torchvision reduce height and width to a 32nd, so their last batch norms see few values of each channel. They enlarge
    // differences of rounding, and each update enlarges them further. So the batch has all samples, and the steps are tiny.
    const isLarge = torchvisionNames({ preset: type as PresetName }) !== null;
    const [side, samples, batchSize, learningRate] = isLarge ? [48, 8, 8, 1e-7] : [16, 6, 3, 0.01];
    const data = { dataset: 'random', inputShape: [2, side, side], targetShape: [3], samples, batchSize };
    // With other seeds a value may be so close to 0 before a rectifier that PyTorch and the engine get different signs.
    yield [`the preset ${type}`, { ...basis, seed: 7, data, model: { preset: type }, optimizer: { type: 'sgd', learningRate }, epochs: 2 }];
  }
  for (const { type } of definitionsOf('losses')) yield [`the loss ${type}`, losses[type] ?? { loss: { type } }];
  for (const { type, options } of definitionsOf('optimizers')) {
    yield [`the optimizer ${type}`, { ...basis, optimizer: { type } }];
    for (const [option, variant] of Object.entries(optimizerVariants)) {
      if (options.includes(option)) yield [`the optimizer ${type} with ${option}`, { ...basis, optimizer: { type, ...variant } }];
    }
  }
  for (const { type } of definitionsOf('schedulers')) {
    const scheduler = { type, ...schedulers[type] };
    yield [`the scheduler ${type}`, { ...basis, optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.5 }, scheduler, epochs: 6 }];
  }
  for (const { type } of definitionsOf('transforms')) {
    const transform = { type, ...transformOptions[type] };
    const data = onGrey.includes(type) ? images : { ...images, dataset: 'cifar10' };
    yield [`the transform ${type}`, { ...onClasses({ type: 'crossEntropy' }), data: { ...data, transforms: [transform] } }];
  }
  for (const { type } of definitionsOf('datasets')) {
    const uploaded = { dataset: pixelsId, testSplit: 0.3, trainLimit: 60, testLimit: 25, batchSize: 32 };
    const data = type === 'ds_…' ? uploaded : { ...images, dataset: type };
    const job = type === 'random' ? basis : { ...onClasses({ type: 'crossEntropy' }), data };
    yield [`the dataset ${type}`, job];
  }
  yield ['the dataset random with a testSplit', { ...basis, data: { ...values, testSplit: 0.3 } }];
}

/** The jobs by what they test, such as `the layer conv2d`. */
export const registryJobs: Readonly<Record<string, Job>> = Object.fromEntries(jobs());
