// The job specs of a load run. There are only a few seeds, so many jobs have the same spec and must have the same weights.
import type { Draws } from './draws.ts';

export interface JobBody {
  readonly seed: number;
  readonly epochs: number;
  readonly [field: string]: unknown;
}

/** A job with one sample and one linear layer, without its number of epochs. */
export const regression = (seed: number, inputs: number, outputs: number) => ({
  seed,
  data: { dataset: 'random', inputShape: [inputs], targetShape: [outputs], samples: 1 },
  model: { layers: [{ type: 'linear', outFeatures: outputs }] },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
});

/** A job that takes a few milliseconds. It has four inputs and two outputs. */
export const small = (draws: Draws): JobBody => ({ ...regression(draws.below(3), 4, 2), epochs: draws.between(3, 20) });

/** A small convolutional network on 200 images of the dataset `digits`, with a test part, without its seed and number of epochs. */
export const smallDigits = {
  data: { dataset: 'digits', trainLimit: 200, testLimit: 50, batchSize: 16 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 4, kernelSize: 5 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
};

export const digits = (draws: Draws): JobBody => ({ seed: draws.below(3), ...smallDigits, epochs: draws.between(1, 4) });

/** A job that takes about a second, so that it can be paused or cancelled. */
export const long = (draws: Draws): JobBody => ({
  seed: draws.below(3),
  data: { dataset: 'random', inputShape: [1, 12, 12], targetShape: [3], samples: 2_000, batchSize: 4 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 4, kernelSize: 3 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 3 },
    ],
  },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01, momentum: 0.9 },
  epochs: 10,
});

/** A job that fails because its loss soon is not finite. */
export const diverging = (draws: Draws): JobBody => ({
  ...regression(draws.below(3), 4, 2),
  optimizer: { type: 'sgd', learningRate: 1e30 },
  epochs: 20,
});

/** A table with unique content, and a job that trains on it. */
export function ofTable(draws: Draws, name: string): { readonly table: string; readonly bodyFor: (dataset: string) => JobBody } {
  const rows = Array.from({ length: 8 }, (_, row) => `${draws.below(1_000)},${draws.below(1_000)},${row % 2 === 0 ? 'cat' : name}`);
  const bodyFor = (dataset: string): JobBody => ({
    seed: 0,
    data: { dataset, batchSize: 4 },
    model: { layers: [{ type: 'linear', outFeatures: 2 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 1e-6 },
    epochs: 3,
  });
  return { table: `a,b,kind\n${rows.join('\n')}\n`, bodyFor };
}

/** A sweep of small jobs. */
export function sweepBody(draws: Draws, jobs: number): object {
  const { seed: _seed, ...spec } = small(draws);
  const values = Array.from({ length: jobs }, (_, index) => 0.01 / (index + 1));
  return { spec, space: { '/optimizer/learningRate': { type: 'choice', values } }, strategy: { type: 'grid' } };
}
