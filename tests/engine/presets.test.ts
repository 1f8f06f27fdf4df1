// Tests presets: known networks that a job spec can name instead of listing the layers.
import { Generator, setBackend, WasmBackend } from '@trainyard/engine';
import {
  buildModel,
  catalog,
  checkSpec,
  type JobSpec,
  type PresetName,
  type Problem,
  SpecError,
  torchvisionNames,
} from '@trainyard/engine/spec';
import { beforeAll, describe, expect, test } from 'vitest';
import { run } from './training/runs.ts';

const names = catalog().presets.map(({ type }) => type);

const job = (preset: unknown, data: object = { dataset: 'cifar10' }): object => ({
  seed: 0,
  data,
  model: { preset },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 1,
});

function problemsOf(body: unknown): readonly Problem[] {
  try {
    checkSpec(body);
  } catch (error) {
    if (error instanceof SpecError) return error.issues;
    throw error;
  }
  throw new Error('the spec was accepted');
}

/** The number of parameters of the same networks in PyTorch. */
const parameters: Readonly<Record<string, readonly [data: object, count: number]>> = {
  lenet5: [{ dataset: 'mnist' }, 61_706],
  vggSmall: [{ dataset: 'cifar10' }, 591_274],
  resnet8: [{ dataset: 'cifar10' }, 78_042],
  resnet20: [{ dataset: 'cifar10' }, 272_474],
  mobileNetSmall: [{ dataset: 'cifar10' }, 73_130],
  resnet18: [{ dataset: 'cifar10' }, 11_181_642],
  resnet34: [{ dataset: 'cifar10' }, 21_289_802],
  mobileNetV2: [{ dataset: 'cifar10' }, 2_236_682],
  squeezeNet1_1: [{ dataset: 'cifar10' }, 727_626],
};

beforeAll(() => {
  setBackend(new WasmBackend());
});

test('the catalog lists exactly the presets of this file', () => {
  expect(names).toEqual(Object.keys(parameters));
  expect(catalog().presets[0].schema).toMatchObject({ properties: { preset: { const: 'lenet5' } }, required: ['preset'] });
});

describe.each(names)('the preset %s', (name) => {
  test('has its layers with their defaults beside it', () => {
    const { spec } = checkSpec(job(name));
    expect(Object.keys(spec.model)).toEqual(['preset', 'layers']);
    expect(checkSpec(spec).spec).toEqual(spec);
    const { layers } = spec.model;
    expect(checkSpec({ ...spec, model: { layers } }).spec).toEqual({ ...spec, model: { layers } });
  });

  test("has as many parameters as PyTorch's network, and one output per class of the data", () => {
    const [data, count] = parameters[name];
    const { summary } = checkSpec(job(name, data));
    expect(summary.totals.parameters).toBe(count);
    expect(summary.layers.at(-1)?.outputShape).toEqual([10]);
  });

  test('takes images of one channel and of three, of 28×28 and of 32×32', () => {
    for (const dataset of ['mnist', 'cifar10']) expect(() => checkSpec(job(name, { dataset })), dataset).not.toThrow();
    const cropped = { dataset: 'mnist', transforms: [{ type: 'randomCrop', size: 24 }] };
    const { spec, summary } = checkSpec(job(name, cropped));
    const model = buildModel(spec.model.layers, [1, 24, 24], new Generator(0));
    expect(model.parameters().reduce((sum, { size }) => sum + size, 0)).toBe(summary.totals.parameters);
  });

  test('trains: its loss falls within a few steps', async () => {
    // The networks of torchvision reduce height and width to a 32nd, and their batch norms need several values of each channel.
    const isLarge = torchvisionNames({ preset: name as PresetName }) !== null;
    const [side, samples, learningRate] = isLarge ? [48, 8, 0.0003] : [20, 4, 0.003];
    const data = { dataset: 'random', inputShape: [2, side, side], targetShape: [3], samples, batchSize: samples };
    const optimizer = { type: 'adam', learningRate };
    const { events } = await run({ ...job(name, data), loss: { type: 'mse' }, optimizer, epochs: 5 });
    const losses = events.flatMap((event) => (event.type === 'epoch' ? [event.trainLoss ?? NaN] : []));
    expect(losses).toHaveLength(5);
    expect(losses[4]).toBeLessThan(losses[0]);
  });
});

test('lenet5 pads images smaller than 32×32, so that it always has 400 features', () => {
  const paddingOf = (spec: JobSpec): unknown => {
    const [first] = spec.model.layers;
    return first.type === 'conv2d' ? first.padding : null;
  };
  const [small, large] = ['mnist', 'cifar10'].map((dataset) => checkSpec(job('lenet5', { dataset })));
  expect([paddingOf(small.spec), paddingOf(large.spec)]).toEqual([2, 0]);
  expect([small, large].map(({ summary }) => summary.layers[6].outputShape)).toEqual([[400], [400]]);
});

test.each([
  [
    'a name that none has',
    job('lenet6'),
    { path: '/model/preset', code: 'unknownType' },
    /unknown preset "lenet6": did you mean "lenet5"\? \(known: lenet5, vggSmall, resnet8, .*squeezeNet1_1\)/,
  ],
  ['a name that is none', job(5), { path: '/model/preset', code: 'unknownType' }, /unknown preset 5 \(known: lenet5/],
  [
    'other layers beside it',
    { ...job('lenet5'), model: { preset: 'lenet5', layers: [{ type: 'flatten' }] } },
    { path: '/model/layers', code: 'presetMismatch' },
    /not the layers of the preset lenet5 for this data: omit the preset, or omit the layers/,
  ],
  [
    'samples that are no images',
    { ...job('resnet8', { dataset: 'random', inputShape: [6], targetShape: [3], samples: 4 }), loss: { type: 'mse' } },
    { path: '/model/preset', code: 'shapeMismatch' },
    /resnet8 takes images \[channels, height, width\], but the data gives \[6\]/,
  ],
  [
    'images that are too small',
    { ...job('lenet5', { dataset: 'random', inputShape: [1, 8, 8], targetShape: [3], samples: 4 }), loss: { type: 'mse' } },
    { path: '/model/preset', code: 'shapeMismatch' },
    /lenet5 does not fit samples \[1, 8, 8\]: in its layer 3, kernel 5×5 does not fit/,
  ],
])('a preset is refused with %s', (_, body, problem, message) => {
  const problems = problemsOf(body);
  expect(problems).toMatchObject([problem]);
  expect(problems[0].message).toMatch(message);
});
