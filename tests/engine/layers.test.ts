// Tests layers as modules and as definitions. One sample of each layer in the registry is used to check its shape rule, cost, random
// numbers and gradients. layersPrinted.test.ts tests how layers print, and layersRefused.test.ts what they refuse.
import * as engine from '@trainyard/engine';
import {
  Conv2d,
  Flatten,
  Generator,
  Linear,
  manualSeed,
  ReferenceBackend,
  ReLU,
  randn,
  Sequential,
  type Shape,
  withBackend,
} from '@trainyard/engine';
import { buildModel, inferShapes, type LayerSpec, layerDefinitions, layerSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { checkLeafGradients } from '../support/checkGradients.ts';
import { layerSamples as samples } from '../support/layerSamples.ts';

const layer = (input: object): LayerSpec => layerSchema.parse(input);
const sampleOf = (type: string): { spec: LayerSpec; input: Shape } => ({
  spec: layer({ type, ...samples[type].options }),
  input: samples[type].input,
});

function shapesOf(specs: readonly LayerSpec[], input: Shape) {
  const inferred = inferShapes(specs, input);
  if (!inferred.ok) throw inferred.error;
  return inferred.layers;
}

test('every layer of the registry has a sample', () => {
  expect(Object.keys(samples).toSorted()).toEqual(layerDefinitions.map(({ type }) => type).toSorted());
});

describe.each(Object.keys(samples))('%s', (type) => {
  const { spec, input } = sampleOf(type);

  test('gives outputs of the shape in its shape rule, and has the number of parameters in its cost', () => {
    const [summary] = shapesOf([spec], input);
    const model = buildModel([spec], input, new Generator(0));
    expect(model.forward(randn([2, ...input])).shape).toEqual([2, ...summary.outputShape]);
    expect(model.parameters().reduce((sum, { size }) => sum + size, 0)).toBe(summary.parameters);
  });

  test('is built as a class that the engine exports', () => {
    const [[, module]] = buildModel([spec], input, new Generator(0)).namedChildren();
    expect(Object.values(engine), module.constructor.name).toContain(module.constructor);
  });

  test('has the gradients of its input and parameters that finite differences give', () => {
    withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
      const generator = new Generator(7);
      const model = buildModel([spec], input, generator);
      const batch = randn([2, ...input], { generator, requiresGrad: true });
      checkLeafGradients(() => model.forward(batch), [batch, ...model.parameters()], generator);
    });
  });

  test('draws its initial values only from the given generator', () => {
    const valuesOf = (seed: number): number[] =>
      buildModel([spec], input, new Generator(seed))
        .parameters()
        .flatMap(({ values }) => [...values]);
    manualSeed(1);
    const first = valuesOf(5);
    manualSeed(2);
    expect(valuesOf(5)).toEqual(first);
    // The initial values of norms and slopes do not depend on the seed.
    if (new Set(first).size > 2) expect(valuesOf(6)).not.toEqual(first);
  });
});

describe('a list of layers', () => {
  const lenet = [
    { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5, padding: 2 },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'conv2d', name: 'conv2', outChannels: 16, kernelSize: 5 },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 120 },
    { type: 'relu' },
    { type: 'linear', outFeatures: 84 },
    { type: 'relu' },
    { type: 'linear', outFeatures: 10 },
  ].map(layer);

  test('has the shapes, parameters and multiply-adds of LeNet', () => {
    const layers = shapesOf(lenet, [1, 28, 28]);
    expect(layers.map(({ outputShape }) => outputShape)).toEqual([
      [6, 28, 28],
      [6, 28, 28],
      [6, 14, 14],
      [16, 10, 10],
      [16, 10, 10],
      [16, 5, 5],
      [400],
      [120],
      [120],
      [84],
      [84],
      [10],
    ]);
    expect(layers.map(({ parameters }) => parameters)).toEqual([156, 0, 0, 2416, 0, 0, 0, 48_120, 0, 10_164, 0, 850]);
    expect(layers.map(({ multiplyAdds }) => multiplyAdds)).toEqual([117_600, 0, 0, 240_000, 0, 0, 0, 48_000, 0, 10_080, 0, 840]);
    expect(layers[3]).toMatchObject({ index: 3, name: 'conv2', type: 'conv2d' });
    expect(layers[7]).toMatchObject({ index: 7, name: '7', type: 'linear' });
  });

  test('names parameters by the name of their layer, or its index, as a Sequential of PyTorch does', () => {
    const names = buildModel(lenet, [1, 28, 28], new Generator(0))
      .namedParameters()
      .map(([name]) => name);
    expect(names).toEqual([
      'conv1.weight',
      'conv1.bias',
      'conv2.weight',
      'conv2.bias',
      '7.weight',
      '7.bias',
      '9.weight',
      '9.bias',
      '11.weight',
      '11.bias',
    ]);
  });

  test('names the parameters of a residual by its two paths, and draws its layers before its shortcut', () => {
    const block = layer({
      type: 'residual',
      layers: [{ type: 'linear', name: 'up', outFeatures: 2 }, { type: 'relu' }, { type: 'linear', outFeatures: 4 }],
      shortcut: [{ type: 'linear', outFeatures: 4, bias: false }],
    });
    const built = buildModel([layer({ type: 'relu' }), block], [3], new Generator(3));
    expect(built.namedParameters().map(([name]) => name)).toEqual([
      '1.layers.up.weight',
      '1.layers.up.bias',
      '1.layers.2.weight',
      '1.layers.2.bias',
      '1.shortcut.0.weight',
    ]);
    manualSeed(3);
    const constructed = [new Linear(3, 2), new Linear(2, 4), new Linear(3, 4, { bias: false })].flatMap((module) => module.parameters());
    expect(built.parameters().map(({ values }) => values)).toEqual(constructed.map(({ values }) => values));
  });

  test('names the parameters of branches by branch and layer, and draws the branches one after another', () => {
    const block = layer({
      type: 'branches',
      branches: [
        [{ type: 'linear', name: 'up', outFeatures: 2 }, { type: 'relu' }, { type: 'linear', outFeatures: 4 }],
        [],
        [{ type: 'linear', outFeatures: 1, bias: false }],
      ],
    });
    const built = buildModel([layer({ type: 'relu' }), block], [3], new Generator(3));
    expect(built.namedParameters().map(([name]) => name)).toEqual([
      '1.branches.0.up.weight',
      '1.branches.0.up.bias',
      '1.branches.0.2.weight',
      '1.branches.0.2.bias',
      '1.branches.2.0.weight',
    ]);
    manualSeed(3);
    const constructed = [new Linear(3, 2), new Linear(2, 4), new Linear(3, 1, { bias: false })].flatMap((module) => module.parameters());
    expect(built.parameters().map(({ values }) => values)).toEqual(constructed.map(({ values }) => values));
  });

  test('draws as the constructors do, one after another', () => {
    const built = buildModel(lenet, [1, 28, 28], new Generator(3));
    manualSeed(3);
    const constructed = [new Conv2d(1, 6, 5), new Conv2d(6, 16, 5), new Linear(400, 120), new Linear(120, 84), new Linear(84, 10)];
    const expected = constructed.flatMap((module) => module.parameters());
    expect(built.parameters().map(({ values }) => values)).toEqual(expected.map(({ values }) => values));
  });

  test('is counted without allocating memory, even if it is very large', () => {
    const huge = [
      { type: 'flatten' },
      { type: 'linear', outFeatures: 1_000_000_000 },
      { type: 'linear', outFeatures: 9_007_199_254_740_991 },
    ].map(layer);
    const [, first, second] = shapesOf(huge, [1, 28, 28]);
    expect(first.parameters).toBe(785_000_000_000);
    expect(second.parameters).toBeGreaterThan(9e24);
  });
});

describe('a Sequential', () => {
  test('runs its children in the order given, also when their names look like numbers', () => {
    const model = new Sequential(['9', new Flatten()], ['1', new Linear(4, 2)]);
    expect(model.forward(randn([3, 2, 2])).shape).toEqual([3, 2]);
    expect(model.namedParameters().map(([name]) => name)).toEqual(['1.weight', '1.bias']);
  });

  test('applies train, eval and zeroGrad to all nested modules', () => {
    const inner = new Sequential(new Linear(2, 2));
    const model = new Sequential(inner);
    model.eval();
    expect(inner.training).toBe(false);
    model.train();
    expect(inner.training).toBe(true);
    model
      .forward(randn([1, 2]))
      .sum()
      .backward();
    model.zeroGrad();
    expect(model.parameters().map(({ grad }) => grad?.tolist())).toEqual([
      [
        [0, 0],
        [0, 0],
      ],
      [0, 0],
    ]);
  });

  test.each([
    ['twice the same name', () => new Sequential(['a', new ReLU()], ['a', new ReLU()]), /two children are named "a"/],
    ['a name that is the index of another', () => new Sequential(['1', new ReLU()], new ReLU()), /two children are named "1"/],
    ['a name with a dot', () => new Sequential(['a.b', new ReLU()]), /must not be empty or have dots, got "a.b"/],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
