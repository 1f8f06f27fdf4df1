// Lists the routes that accept JSON. Each has an example body with as many fields as possible.
import { tutorial } from '../api/fixtures/spec.ts';
import type { Json } from './worstBodies.ts';

export interface WorstRequest {
  readonly url: string;
  readonly example: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

const spec: Json = {
  ...(tutorial as { readonly [key: string]: Json }),
  labels: { team: 'a' },
  data: { dataset: 'random', inputShape: [1, 8, 8], targetShape: [2], transforms: [{ type: 'normalize', mean: [0], std: [1] }] },
  model: {
    layers: [
      { type: 'conv2d', name: 'first', outChannels: 2, kernelSize: [3, 3] },
      { type: 'residual', layers: [{ type: 'relu' }], shortcut: [{ type: 'relu' }] },
      { type: 'branches', branches: [[{ type: 'relu' }], [{ type: 'squeezeExcite', squeezeChannels: 2 }]], merge: 'add' },
      { type: 'layerNorm', normalizedShape: [6, 6] },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 2 },
    ],
  },
  loss: { type: 'bceWithLogits', posWeight: [1, 2] },
  scheduler: { type: 'multiStep', milestones: [1, 2] },
  earlyStopping: { metric: 'trainLoss', patience: 2 },
  gradientClipping: { maxNorm: 1 },
  webhook: { url: 'https://hooks.example', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
};

const sweep: Json = {
  name: 'sweep',
  labels: { team: 'a' },
  spec: tutorial as Json,
  space: { '/epochs': { type: 'choice', values: [1, 2] }, '/optimizer/learningRate': { type: 'uniform', min: 0, max: 1 } },
  strategy: { type: 'random' },
  maxJobs: 2,
};

/** Returns the requests. @param jobId a job that has ended. Its network takes four numbers as input. */
export function worstRequests(jobId: string): readonly WorstRequest[] {
  const repeatable = { 'idempotency-key': 'a' };
  return [
    { url: '/jobs?dryRun=true', example: spec },
    { url: '/jobs', example: { ...(spec as object), seed: 'none' }, headers: repeatable },
    { url: '/sweeps', example: { ...(sweep as object), seed: 'none' }, headers: repeatable },
    { url: '/sweeps', example: sweep },
    { url: `/jobs/${jobId}/fork`, example: { labels: { team: 'a' }, optimizer: { type: 'sgd' } }, headers: repeatable },
    { url: `/jobs/${jobId}/retry`, example: {} },
    { url: `/jobs/${jobId}/cancel`, example: {} },
    { url: `/jobs/${jobId}/predict`, example: { inputs: [[1, 2, 3, 4]] } },
    { url: `/jobs/${jobId}/predict`, example: { rows: [{ a: 1, b: 2 }] } },
  ];
}
