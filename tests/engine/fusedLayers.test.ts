// Tests that neighbouring layers that run as one fused operation give the same outputs and gradients as separate layers.
import * as engine from '@trainyard/engine';
import {
  Conv2d,
  Generator,
  Linear,
  MaxPool2d,
  type Module,
  ReferenceBackend,
  ReLU,
  rand,
  Sequential,
  type Tensor,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { checkLeafGradients } from '../support/checkGradients.ts';

type Network = (generator: Generator) => Module[];

const networks: readonly (readonly [name: string, network: Network, input: readonly number[]])[] = [
  ['conv2d, relu', (generator) => [new Conv2d(2, 3, 3, { padding: 1, generator }), new ReLU()], [2, 2, 5, 4]],
  ['conv2d, relu, maxPool2d', (generator) => [new Conv2d(2, 9, 3, { generator }), new ReLU(), new MaxPool2d(2)], [2, 2, 8, 7]],
  ['conv2d, maxPool2d, relu', (generator) => [new Conv2d(1, 3, 5, { padding: 2, generator }), new MaxPool2d(2), new ReLU()], [2, 1, 6, 6]],
  [
    'conv2d without bias, relu, windows that overlap',
    (generator) => [new Conv2d(2, 2, 3, { bias: false, stride: 2, generator }), new ReLU(), new MaxPool2d(3, { stride: 1, padding: 1 })],
    [2, 2, 9, 9],
  ],
  [
    'conv2d with reflected edges, relu, maxPool2d',
    (generator) => [new Conv2d(2, 2, 3, { padding: 1, paddingMode: 'reflect', generator }), new ReLU(), new MaxPool2d(2)],
    [1, 2, 6, 6],
  ],
  ['linear, relu', (generator) => [new Linear(5, 7, { generator }), new ReLU()], [3, 5]],
  ['linear without bias, relu', (generator) => [new Linear(5, 7, { bias: false, generator }), new ReLU()], [3, 5]],
];

/** Returns the output of a network and all gradients of the square of its sum. `forward` runs the layers. */
function outputAndGradients(layers: Module[], input: Tensor, forward: (input: Tensor) => Tensor): number[][] {
  const parameters = layers.flatMap((layer) => layer.parameters());
  for (const leaf of [input, ...parameters]) leaf.grad = null;
  const output = forward(input);
  output.square().sum().backward();
  return [output, ...[input, ...parameters].map(({ grad }) => grad ?? expect.fail('a leaf has no gradient'))].map(({ values }) => [
    ...values,
  ]);
}

describe('fused layers', () => {
  test.each(networks)('%s: their gradients are those of finite differences', (_, network, shape) => {
    engine.withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
      const generator = new Generator(3);
      const model = new Sequential(...network(generator));
      const input = rand(shape, { generator }).requiresGrad_();
      expect(model.stages).toHaveLength(1);
      checkLeafGradients(() => model.forward(input), [input, ...model.parameters()], generator);
    });
  });

  test.each(networks)('%s: they give the same results as separate layers', (_, network, shape) => {
    engine.withBackend(new engine.WasmBackend(), () => {
      const generator = new Generator(5);
      const layers = network(generator);
      const input = rand(shape, { generator }).requiresGrad_();
      const model = new Sequential(...layers);
      const fused = outputAndGradients(layers, input, (x) => model.forward(x));
      const single = outputAndGradients(layers, input, (x) => layers.reduce((value, layer) => layer.forward(value), x));
      fused.forEach((values, which) => {
        expect(values).toHaveLength(single[which].length);
        values.forEach((value, i) => expect(value).toBeCloseTo(single[which][i], 4));
      });
    });
  });

  test('keep their order, their names and their position in the graph', () => {
    const model = new Sequential(
      ['conv', new Conv2d(1, 2, 3)],
      ['relu', new ReLU()],
      ['pool', new MaxPool2d(2)],
      ['flatten', new engine.Flatten()],
      ['hidden', new Linear(8, 4)],
      ['act', new ReLU()],
      ['out', new Linear(4, 2)],
    );
    expect(model.stages.map(({ layers }) => layers.map(([name]) => name))).toEqual([
      ['conv', 'relu', 'pool'],
      ['flatten'],
      ['hidden', 'act'],
      ['out'],
    ]);
    expect(model.namedChildren().map(([name]) => name)).toEqual(['conv', 'relu', 'pool', 'flatten', 'hidden', 'act', 'out']);
    const pooled = model.stages[0].forward(engine.randn([1, 1, 6, 6]));
    expect(String(pooled.gradFn)).toBe('<MaxPool2DWithIndicesBackward0>');
    expect(pooled.gradFn?.nextFunctions.map(([node]) => node?.name ?? null)).toEqual([null, 'AccumulateGrad', 'AccumulateGrad']);
  });

  test('run separately if one of them has another forward method', () => {
    class Doubled extends ReLU {
      override forward(input: Tensor): Tensor {
        return super.forward(input).mul(2);
      }
    }
    const layer = new Linear(3, 2);
    const input = engine.randn([2, 3]);
    const plain = layer.forward(input).relu();
    expect(new Sequential(layer, new Doubled()).forward(input).tolist()).toEqual(plain.mul(2).tolist());
    const seen: Tensor[] = [];
    const watched = new ReLU();
    watched.forward = (x) => {
      seen.push(x);
      return x.relu();
    };
    expect(new Sequential(layer, watched).forward(input).tolist()).toEqual(plain.tolist());
    expect(seen.map((x) => x.tolist())).toEqual([layer.forward(input).tolist()]);
  });

  test('an in-place change of a value that the backward pass needs is still an error', () => {
    const model = new Sequential(new Linear(3, 2), new ReLU());
    const input = engine.randn([2, 3]);
    const output = model.forward(input);
    engine.noGrad(() => input.add_(1));
    expect(() => output.sum().backward()).toThrow(engine.AutogradError);
  });
});
