// Predictions over HTTP against the evaluation of the run that made the network, bit for bit: images and JSON, grey and colour, each kind
// of preparation, one sample and many.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prediction } from '@trainyard/contracts';
import { Generator, train, type TrainingEvent } from '@trainyard/engine';
import {
  contentOf,
  type Dataset,
  type DatasetFiles,
  encodePng,
  InlineLoader,
  npzPieces,
  type UploadedContent,
} from '@trainyard/engine/data';
import { decodeSafetensors, encodeSafetensors } from '@trainyard/engine/formats';
import { checkSpec, defaultLimits, type JobSpec } from '@trainyard/engine/spec';
import { describe, expect } from 'vitest';
import { createJob } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';

const side = 8;
const dataset = 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D7';
const testSamples = 20;
const classes = ['ant', 'bee', 'cat', 'dog', 'eel'];

const noise = (seed: number, length: number, below: number): Uint8Array =>
  Uint8Array.from(new Generator(seed).uniform_(new Float32Array(length), 0, below));

function images(channels: 1 | 3, samples: number, seed: number): Dataset & { readonly inputs: Uint8Array } {
  return {
    length: samples,
    inputShape: [channels, side, side],
    inputs: noise(seed, samples * channels * side ** 2, 256),
    target: { kind: 'class', classes },
    targets: Int32Array.from(noise(seed + 1, samples, classes.length)),
  };
}

const transforms = {
  'no transform': [],
  normalize: (channels: number) => [{ type: 'normalize', mean: Array<number>(channels).fill(0.4), std: Array<number>(channels).fill(0.3) }],
  augmenting: (channels: number) => [
    { type: 'horizontalFlip' },
    { type: 'randomCrop', size: side, padding: 2 },
    { type: 'normalize', mean: Array<number>(channels).fill(0.5), std: Array<number>(channels).fill(0.25) },
  ],
  'the statistics of the training data, and mixed batches': [
    { type: 'randomResizedCrop', size: side },
    { type: 'standardize' },
    { type: 'mixup' },
  ],
} as const;

interface Trained {
  readonly spec: JobSpec;
  readonly content: UploadedContent;
  /** The dataset as it is stored. */
  readonly file: Uint8Array;
  readonly weights: Uint8Array;
  readonly evaluation: Extract<TrainingEvent, { type: 'evaluation'; kind: 'classes' }>;
  readonly test: Dataset & { readonly inputs: Uint8Array };
}

/** Trains on images of noise, so that most of the test part is classified wrongly and thus told of by the evaluation. */
async function trained(channels: 1 | 3, preparation: keyof typeof transforms): Promise<Trained> {
  const splits = { train: images(channels, 40, 10), test: images(channels, testSamples, 20) };
  const file = Uint8Array.from(Buffer.concat([...npzPieces(splits)]));
  const content = contentOf(splits, createHash('sha256').update(file).digest('hex'));
  const make = transforms[preparation];
  const body = {
    seed: 5,
    data: { dataset, batchSize: 16, transforms: typeof make === 'function' ? make(channels) : make },
    model: {
      layers: [
        { type: 'conv2d', outChannels: 4, kernelSize: 3 },
        { type: 'batchNorm2d' },
        { type: 'relu' },
        { type: 'flatten' },
        { type: 'dropout', p: 0.2 },
        { type: 'linear', outFeatures: classes.length },
      ],
    },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'adam', learningRate: 0.003 },
    epochs: 1,
  };
  const { spec } = checkSpec(body, defaultLimits, new Map([[dataset, content]]));
  const files: DatasetFiles = {
    find: () => Promise.resolve(file),
    read: () => Promise.reject(new Error('nothing is fetched')),
  };
  const events = train(spec, { files, checkpointDue: () => false, openLoader: (data, options) => new InlineLoader(data, options) });
  let evaluation: Trained['evaluation'] | undefined;
  for (;;) {
    const next = await events.next();
    if (next.done === true) {
      if (evaluation === undefined) throw new Error('the run told of no evaluation');
      return { spec, content, file, weights: next.value.weights, evaluation, test: splits.test };
    }
    if (next.value.type === 'evaluation' && next.value.kind === 'classes') evaluation = next.value;
  }
}

/** Bytes of one sample, plane by plane. */
function planesOf({ inputs, inputShape: [channels = 1] }: Trained['test'], index: number): Uint8Array[] {
  const size = side ** 2;
  return Array.from({ length: channels }, (_, c) => inputs.subarray((index * channels + c) * size, (index * channels + c + 1) * size));
}

const asJson = (planes: readonly Uint8Array[]): number[][][] =>
  planes.map((plane) =>
    Array.from({ length: side }, (_, y) => Array.from(plane.subarray(y * side, (y + 1) * side), (pixel) => pixel / 255)),
  );

const asPng = (planes: readonly Uint8Array[]): Buffer => {
  const channels = planes.length === 1 ? 1 : 3;
  const data = Uint8Array.from({ length: channels * side ** 2 }, (_, i) => planes[i % channels]?.[Math.floor(i / channels)] ?? 0);
  return Buffer.from(encodePng({ width: side, height: side, channels, data }));
};

async function jobOf(api: TestApi, { spec, content, file, weights }: Trained): Promise<string> {
  const path = join(api.folder, 'upload.npz');
  await writeFile(path, file);
  const added = await api.datasets.add({ owner: 'ada', title: 'noise', format: 'npy', content, taken: [], file: path });
  const body = { ...spec, data: { ...spec.data, dataset: added.dataset.id } };
  const id = await createJob(api.jobs, checkSpec(body, defaultLimits, new Map([[added.dataset.id, content]])).spec);
  await api.artifacts.putBytes(id, 'model.safetensors', weights);
  return `/jobs/${id}/predict`;
}

describe.for(Object.keys(transforms) as (keyof typeof transforms)[])('with %s', (preparation) => {
  test.for([
    ['grey', 1],
    ['colour', 3],
  ] as const)("%s images and JSON, one and many, give the evaluation's own numbers", async ([, channels], { api }) => {
    const run = await trained(channels, preparation);
    const url = await jobOf(api, run);
    const samples = Array.from({ length: testSamples }, (_, index) => planesOf(run.test, index));
    const many = prediction.parse((await api.post(url, { inputs: samples.map(asJson) })).json());

    const { confusionMatrix, mostConfidentlyWrong } = run.evaluation;
    expect(mostConfidentlyWrong.length).toBeGreaterThan(testSamples / 3);
    for (const { index, predictedClass, probability } of mostConfidentlyWrong) {
      expect((many.probabilities?.[index] as number[] | undefined)?.[predictedClass]).toBe(probability);
      expect([many.classIndices?.[index], many.classes?.[index]]).toEqual([predictedClass, classes[predictedClass]]);
    }
    const counted = classes.map((_, t) =>
      classes.map((__, p) => samples.filter((___, i) => run.test.targets[i] === t && many.classIndices?.[i] === p).length),
    );
    expect(counted).toEqual(confusionMatrix);

    for (const [index, planes] of samples.entries()) {
      const expected = {
        outputs: [many.outputs[index]],
        probabilities: [many.probabilities?.[index]],
        classes: [many.classes?.[index]],
        classIndices: [many.classIndices?.[index]],
      };
      expect((await api.post(url, { inputs: [asJson(planes)] })).json()).toEqual(expected);
      const image = await api.call({ method: 'POST', url, headers: { 'content-type': 'image/png' }, payload: asPng(planes) });
      expect(image.json()).toEqual(expected);
    }
  });
});

test('a sample with an output that is not finite has no class, and the other samples have one', async ({ api }) => {
  const run = await trained(1, 'no transform');
  // Weights with which white overflows float32, and black is 0.
  const tensors = decodeSafetensors(run.weights).tensors.map((tensor) =>
    tensor.name === '0.weight' ? { ...tensor, data: new Float32Array(tensor.data.length).fill(1e38) } : tensor,
  );
  const url = await jobOf(api, { ...run, weights: encodeSafetensors(tensors).bytes });
  const [fine, huge] = [0, 255].map((pixel) => asJson([new Uint8Array(side ** 2).fill(pixel)]));
  const alone = prediction.parse((await api.post(url, { inputs: [fine] })).json());
  const both = prediction.parse((await api.post(url, { inputs: [huge, fine] })).json());
  expect(both.classes).toEqual([null, alone.classes?.[0]]);
  expect(both.classIndices).toEqual([null, alone.classIndices?.[0]]);
  expect(both.outputs[1]).toEqual(alone.outputs[0]);
  expect(both.nonFinite).toMatchObject({ 'outputs/0/0': expect.stringMatching(/nan|inf/) as string });
});
