// Tests activations, norms and dropout: their results for special inputs and in training and evaluation mode, and the state that they keep.
// wasmFunctions.test.ts tests the accuracy, and tests/conformance compares the values with PyTorch.
import * as ops from '@trainyard/engine';
import {
  BatchNorm1d,
  BatchNorm2d,
  Dropout,
  Dropout2d,
  fromFlat,
  Generator,
  InstanceNorm2d,
  ones,
  rand,
  ReferenceBackend,
  randn,
  type Tensor,
  tensor,
  withBackend,
  zeros,
} from '@trainyard/engine';
import { buildModel, layerSchema } from '@trainyard/engine/spec';
import { expect, test } from 'vitest';
import { activationFunctions } from '../support/activationFunctions.ts';
import { onEveryBackend } from '../support/backends.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

const oracle = new ReferenceBackend({ dtype: 'float64' });

test('erf and tanh of the reference equal known values', () => {
  withBackend(oracle, () => {
    // mpmath at 200 bits.
    expect(ops.gelu(tensor([1])).item()).toBeCloseTo(0.8413447460685429, 14);
    expect(ops.gelu(tensor([-4])).item()).toBeCloseTo(-0.00012668496733248, 14);
    expect(ops.gelu(tensor([-12])).item() / -2.131778534493215e-32).toBeCloseTo(1, 8);
    expect(ops.erf(tensor([3])).item()).toBeCloseTo(0.9999779095030014, 15);
    expect(ops.tanh(tensor([0.1])).item()).toBeCloseTo(0.09966799462495582, 16);
    expect(ops.tanh(tensor([-0.75])).item()).toBeCloseTo(-0.6351489523872873, 15);
  });
});

onEveryBackend(() => {
  test.each(activationFunctions)('%s is finite for large inputs, and gives NaN for NaN', (_, compute) => {
    const values = [...compute(tensor([-1e4, 1e4, NaN])).values];
    expect(values.slice(0, 2).every(Number.isFinite)).toBe(true);
    expect(values[2]).toBeNaN();
  });

  test('gradients at points without a derivative are those of PyTorch', () => {
    const slopes = (compute: (x: Tensor) => Tensor, at: readonly number[]): number[] => {
      const x = tensor([...at], { requiresGrad: true });
      compute(x).sum().backward();
      return [...(x.grad?.values ?? [])];
    };
    expect(slopes(ops.relu6, [0, 6])).toEqual([0, 0]);
    expect(slopes((x) => ops.clamp(x, 0, 6), [0, 6])).toEqual([1, 1]);
    expect(slopes(ops.hardSwish, [-3, 3])).toEqual([-0.5, 1.5]);
    expect(slopes(ops.hardSigmoid, [-3, 3])).toEqual([0, 0]);
    expect(slopes((x) => ops.leakyRelu(x, 0.5), [0])).toEqual([0.5]);
    expect(slopes((x) => ops.prelu(x, tensor([0.25])), [0, 1])).toEqual([0.25, 1]);
  });

  test('dropout in training keeps and scales the elements that torch.rand selects, and in evaluation keeps everything', () => {
    const layer = new Dropout(0.25, { generator: new Generator(5) });
    const kept = [...rand([3, 7], { generator: new Generator(5) }).values].map((u) => (u >= 0.25 ? 4 / 3 : 0));
    layer.forward(ones([3, 7])).values.forEach((value, i) => expect(value).toBeCloseTo(kept[i], 6));
    const x = randn([2, 3]);
    expect(layer.eval().forward(x)).toBe(x);
    expect([...new Dropout(1).forward(x).values].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
    const generator = new Generator(5);
    new Dropout(0, { generator }).forward(x);
    new Dropout(1, { generator }).forward(x);
    expect(generator.uniform_(new Float32Array(1))).toEqual(new Generator(5).uniform_(new Float32Array(1)));
  });

  test('dropout2d in training keeps and scales the channels that torch.rand selects, and in evaluation keeps everything', () => {
    const layer = new Dropout2d(0.25, { generator: new Generator(5) });
    const kept = [...rand([3, 7], { generator: new Generator(5) }).values].map((u) => (u >= 0.25 ? 4 / 3 : 0));
    layer.forward(ones([3, 7, 2, 2])).values.forEach((value, i) => expect(value).toBeCloseTo(kept[Math.floor(i / 4)], 6));
    const x = randn([2, 3, 1, 2]);
    expect(layer.eval().forward(x)).toBe(x);
    const generator = new Generator(5);
    expect(new Dropout2d(0, { generator }).forward(x)).toBe(x);
    expect([...new Dropout2d(1, { generator }).forward(x).values].map(Math.abs)).toEqual(new Array(12).fill(0));
    expect(generator.uniform_(new Float32Array(1))).toEqual(new Generator(5).uniform_(new Float32Array(1)));
  });

  test('instance norm moves its statistics towards the mean over the samples in training, does not count batches, and uses them in evaluation', () => {
    const layer = new InstanceNorm2d(1, { momentum: 0.5, trackRunningStats: true });
    const batch = fromFlat([1, 3, 10, 30], [2, 1, 1, 2]);
    layer.forward(batch).values.forEach((value, i) => expect(value).toBeCloseTo(i % 2 === 0 ? -1 : 1, 4));
    const [mean, variance, batches] = layer.namedBuffers().map(([, buffer]) => buffer);
    // The samples have the means 2 and 20, and the variances 2 and 200.
    expect(mean.item()).toBe(5.5);
    expect(variance.item()).toBe(51);
    expect(batches.item()).toBe(0);
    const output = layer.eval().forward(fromFlat([5.5, 5.5 + Math.sqrt(51)], [1, 1, 1, 2]));
    expect(output.values[0]).toBeCloseTo(0, 6);
    expect(output.values[1]).toBeCloseTo(1, 5);
  });

  test('batch norm updates its statistics in training and uses them in evaluation', () => {
    const layer = new BatchNorm1d(2, { momentum: 0.5 });
    layer.forward(
      tensor([
        [1, 10],
        [3, 30],
      ]),
    );
    const [mean, variance, batches] = layer.namedBuffers().map(([, buffer]) => buffer);
    expect([...mean.values]).toEqual([1, 10]);
    expect([...variance.values]).toEqual([1.5, 100.5]);
    expect(batches.item()).toBe(1);
    const output = layer.eval().forward(tensor([[1, 10]]));
    output.values.forEach((value) => expect(value).toBeCloseTo(0, 6));
    expect(batches.item()).toBe(1);
  });

  test('batch norm without momentum keeps the plain mean over all batches', () => {
    const layer = new BatchNorm1d(1, { momentum: null });
    for (const start of [0, 6]) layer.forward(tensor([[start], [start + 2]]));
    expect(layer.namedBuffers().map(([, buffer]) => buffer.item())).toEqual([4, 2, 2]);
  });

  test('batch norm without statistics uses the batch in evaluation too', () => {
    const layer = new BatchNorm2d(1, { trackRunningStats: false }).eval();
    expect(layer.namedBuffers()).toEqual([]);
    const output = layer.forward(fromFlat([1, 3], [2, 1, 1, 1]));
    expect(output.values[0]).toBeCloseTo(-1, 4);
  });

  test.each([
    ['a batch of one value', () => new BatchNorm1d(3).forward(zeros([1, 3])), 'invalidArgument', /single value per channel.*dropLast/],
    ['weights of other channels', () => ops.batchNorm(zeros([2, 3]), null, ones([2])), 'shapeMismatch', /3 channels/],
    ['groups that do not divide', () => ops.groupNorm(zeros([2, 3]), 2), 'shapeMismatch', /2 groups do not divide/],
    [
      'a shape that is not the end of the input shape',
      () => ops.layerNorm(zeros([2, 3]), [2]),
      'shapeMismatch',
      /\[2\] does not fit an input \[2, 3\]/,
    ],
    ['slopes of other channels', () => ops.prelu(zeros([2, 3]), ones([2])), 'shapeMismatch', /takes 1 weight or 3/],
    ['no probability', () => ops.dropout(zeros([2]), 1.5), 'invalidArgument', /from 0 to 1, got 1.5/],
    [
      'a channel probability above 1',
      () => ops.dropout2d(zeros([1, 1, 2, 2]), 1.5),
      'invalidArgument',
      /dropout2d: p .* from 0 to 1, got 1.5/,
    ],
    ['channels without images', () => ops.dropout2d(zeros([2, 3])), 'shapeMismatch', /dropout2d needs an input \[batch, .* got \[2, 3\]/],
    ['instances of one position', () => ops.instanceNorm(zeros([2, 3, 1, 1])), 'invalidArgument', /one position: use larger images/],
    ['instances without positions', () => ops.instanceNorm(zeros([2, 3])), 'shapeMismatch', /positions\], got \[2, 3\]/],
    ['shifts of other channels', () => ops.instanceNorm(zeros([2, 3, 4]), null, null, ones([2])), 'shapeMismatch', /3 channels/],
    ['a beta of 0', () => ops.softplus(zeros([2]), 0), 'invalidArgument', /beta must be above 0/],
  ])('refuses %s', (_, compute, code, message) => {
    expectRefusal(compute, code, message);
  });
});

test("buffers have PyTorch's names, next to the parameters", () => {
  const specs = [
    { type: 'conv2d', outChannels: 2, kernelSize: 1 },
    { type: 'batchNorm2d', name: 'norm' },
  ].map((spec) => layerSchema.parse(spec));
  const model = buildModel(specs, [1, 2, 2], new Generator(0));
  expect(model.namedParameters().map(([name]) => name)).toEqual(['0.weight', '0.bias', 'norm.weight', 'norm.bias']);
  expect(model.namedBuffers().map(([name]) => name)).toEqual(['norm.running_mean', 'norm.running_var', 'norm.num_batches_tracked']);
});
