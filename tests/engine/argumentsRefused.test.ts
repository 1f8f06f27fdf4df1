// Mistakes of callers without TypeScript are refused at once. The error names the argument and says what to do. No option is ignored.
import * as engine from '@trainyard/engine';
import { ArgumentError, indices, optim, ones, tensor, zeros } from '@trainyard/engine';
import { InlineLoader } from '@trainyard/engine/data';
import * as specs from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { avgPoolSize } from '../../packages/engine/src/ops/averagePool2d.ts';
import { noFiles } from './training/runs.ts';

/** Returns a public function or class without its types. */
type Untyped = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
type UntypedClasses = Readonly<Record<string, new (...args: readonly unknown[]) => unknown>>;
const functions = { ...engine, ...specs } as unknown as Untyped;
const classes = { ...engine, ...optim, InlineLoader } as unknown as UntypedClasses;

const parameters = () => [ones([2], { requiresGrad: true })];
const [input, target, labels] = [zeros([2, 3]), zeros([2, 3]), indices([0, 1])];
const optimizers = ['SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'Adadelta', 'Adamax', 'NAdam', 'RAdam'];
const losses = ['mseLoss', 'l1Loss', 'smoothL1Loss', 'huberLoss', 'bceLoss', 'bceWithLogitsLoss', 'klDivLoss', 'crossEntropy', 'nllLoss'];
const lossClasses = [
  'MSELoss',
  'L1Loss',
  'SmoothL1Loss',
  'HuberLoss',
  'BCELoss',
  'BCEWithLogitsLoss',
  'KLDivLoss',
  'CrossEntropyLoss',
  'NLLLoss',
];

const expectRefused = (call: () => unknown, message: RegExp): void => {
  expect(call).toThrow(ArgumentError);
  expect(call).toThrow(message);
};

describe.each(optimizers)('%s', (name) => {
  test('refuses a learning rate in place of options, and says how it is given', () => {
    expectRefused(() => new classes[name](parameters(), 0.001), /options are an object such as \{ learningRate: 0\.001 \}, got 0\.001/);
  });

  test.each([[null], ['0.1'], [[0.1]], [true], [() => 0.1]])('refuses %j in place of options', (options) => {
    expectRefused(() => new classes[name](parameters(), options), /options are an object/);
  });

  test.each([
    [{ lr: 0.1 }, /unknown field "lr": did you mean "learningRate"\?/],
    [{ learning_rate: 0.1 }, /did you mean "learningRate"\?/],
    [{ learningRate: '0.1' }, /learningRate: expected a number, got "0\.1"/],
    [{ learningRate: Number.NaN }, /learningRate: expected a finite number, got NaN/],
    [{ learningRate: -1 }, /learningRate: must be at least 0, got -1/],
  ])('refuses the options %j', (options, message) => {
    expectRefused(() => new classes[name](parameters(), options), message);
  });

  test.each([
    ['a network', new engine.Linear(2, 2), /list of parameters, such as net\.parameters\(\), got a Linear/],
    ['one tensor', ones([2], { requiresGrad: true }), /list of parameters/],
    ['names and tensors', [['weight', ones([2])]], /takes tensors/],
    ['nothing', undefined, /list of parameters, such as net\.parameters\(\), got undefined/],
  ])('refuses %s in place of parameters', (_, given, message) => {
    expectRefused(() => new classes[name](given), message);
  });
});

describe.each(losses)('%s', (name) => {
  const right = name === 'crossEntropy' || name === 'nllLoss' ? labels : target;

  test.each([
    ['a reduction in place of options', [input, right, 'sum'], /options are an object such as \{ reduction: "sum" \}, got "sum"/],
    ['an option by another name', [input, right, { reductoin: 'sum' }], /unknown option "reductoin": did you mean "reduction"\?/],
    ['an unknown reduction', [input, right, { reduction: 'avg' }], /reduction must be .*'mean'.*got "avg"/],
    ['a list in place of the input', [[1, 2], right], /the input must be a tensor, got \[1,2\]: make one with tensor\(\)/],
    ['a number in place of the target', [input, 1], /the target must be a tensor, got 1/],
  ])('refuses %s', (_, args, message) => {
    expectRefused(() => functions[name](...args), message);
  });
});

test.each(lossClasses)('%s refuses a number in place of options', (name) => {
  expectRefused(() => new classes[name](0.5), /options are an object such as \{ reduction: 0\.5 \}, got 0\.5/);
});

test.each([
  ['crossEntropy', [input, labels, { weight: [1, 1, 1] }], /weight must be a tensor, got \[1,1,1\]/],
  ['crossEntropy', [input, labels, { ignore_index: 1 }], /did you mean "ignoreIndex"\?/],
  ['crossEntropy', [input, labels, { ignoreIndex: 0.5 }], /ignoreIndex must be a whole number, got 0\.5/],
  ['tensor', ['abc'], /numbers and lists of them, got "abc"/],
  ['tensor', [[1, '2']], /numbers and lists of them, got "2"/],
  ['tensor', [undefined], /numbers and lists of them, got undefined/],
  ['tensor', [[1], { requires_grad: true }], /did you mean "requiresGrad"\?/],
  ['tensor', [[1], true], /options are an object such as \{ requiresGrad: true \}/],
  ['zeros', [3], /a shape is a list such as \[2, 3\], got 3: use \[3\]/],
  ['ones', [2, 3], /a shape is a list/],
  ['randn', [2], /a shape is a list/],
  ['rand', [[2, -1]], /whole numbers of at least 0, got -1/],
  ['rand', [[2, 0.5]], /whole numbers of at least 0, got 0\.5/],
  ['full', [[2], '1'], /expected a number, got "1"/],
  ['fromFlat', [['1', '2'], [2]], /expected a number, got "1"/],
  ['indices', [[0, 0.5]], /whole numbers of int32, got 0\.5 at index 1/],
  ['indices', [['1']], /whole numbers of int32, got "1"/],
  ['indices', [[2 ** 31]], /whole numbers of int32, got 2147483648/],
  ['manualSeed', ['5'], /a seed is a whole number .* got "5"/],
  ['manualSeed', [Number.NaN], /a seed is a whole number .* got NaN/],
  ['arange', ['3'], /whole number of elements, got "3"/],
  ['conv2d', [zeros([1, 1, 4, 4]), zeros([1, 1, 2, 2]), null, { strides: 2 }], /unknown option "strides": did you mean "stride"\?/],
  ['conv2d', [zeros([1, 1, 4, 4]), zeros([1, 1, 2, 2]), null, 2], /options are an object such as \{ stride: 2 \}, got 2/],
  ['convTranspose2d', [zeros([1, 1, 4, 4]), zeros([1, 1, 2, 2]), null, { output_padding: 1 }], /did you mean "outputPadding"\?/],
  ['maxPool2d', [zeros([1, 1, 4, 4]), 2, 2], /options are an object such as \{ stride: 2 \}/],
  ['avgPool2d', [zeros([1, 1, 4, 4]), 2, { ceil_mode: true }], /did you mean "ceilMode"\?/],
  ['avgPool2d', [zeros([1, 1, 4, 4]), 2, { divisorOverride: 0 }], /divisorOverride must not be 0/],
  ['upsample', [zeros([1, 1, 4, 4]), { scale: 2 }], /unknown option "scale"/],
  ['batchNorm', [zeros([2, 2]), null, null, null, { trainig: true }], /did you mean "training"\?/],
  ['variance', [zeros([2]), 0, { keepDims: true }], /did you mean "keepdim"\?/],
  ['clipGradientNorm', [[], '1'.repeat(0)], /maxNorm must be above 0, got ""/],
  ['add', [zeros([2]), '1'], /an operand must be a tensor or a number, got "1"/],
  ['mul', [undefined, 2], /an operand must be a tensor or a number, got undefined/],
  ['pow', [ones([2]), '2'], /pow: expected a number, got "2"/],
  ['dropout', [ones([2]), '0.5'], /dropout: expected a number, got "0\.5"/],
  ['clamp', [ones([2]), '0'], /clamp: expected a number, got "0"/],
  ['leakyRelu', [ones([2]), { negativeSlope: 0.1 }], /leakyRelu: expected a number, got \{"negativeSlope":0\.1\}/],
  ['gelu', [ones([2]), 'tan'], /approximate is 'none' or 'tanh', got "tan"/],
  ['setBackend', [{}], /takes a backend, such as new WasmBackend\(\), got \{\}/],
  ['learningRateAt', [{ type: 'step', stepsize: 2 }, 0.1, 1], /did you mean "stepSize"\?/],
  ['buildModel', [[{ type: 'conv2d', outChannels: 2, kernel_size: 3 }], [1, 4, 4]], /did you mean "kernelSize"\?/],
  ['inferShapes', [[{ type: 'conv3d' }], [1, 4, 4]], /unknown type "conv3d"/],
  ['clipGradientNorm', [[], Number.NaN], /maxNorm must be above 0, got NaN/],
])('%s of %j is refused', (name, args, message) => {
  expectRefused(() => functions[name](...args), message);
});

test.each([
  ['Conv2d', [1, 6, 5, 2], /options are an object such as \{ stride: 2 \}, got 2/],
  ['Conv2d', [1, 6, 5, { kernel_size: 3 }], /unknown field "kernel_size"/],
  ['Conv2d', [1, 6, '5'], /kernelSize: .*"5"/],
  ['ConvTranspose2d', [1, 6, 5, 2], /options are an object/],
  ['Linear', [3, 4, false], /options are an object such as \{ bias: false \}, got false/],
  ['Linear', [3, Number.NaN], /outFeatures: expected a .*number, got NaN/],
  ['Linear', [3, 4, { generator: 5 }], /generator must be a Generator, got 5/],
  ['MaxPool2d', [2, 2], /options are an object such as \{ stride: 2 \}, got 2/],
  ['AvgPool2d', [2, { strides: 2 }], /did you mean "stride"\?/],
  ['BatchNorm2d', [3, 1e-3], /options are an object such as \{ eps: 0\.001 \}, got 0\.001/],
  ['GroupNorm', [1, 2, 1e-3], /options are an object/],
  ['LayerNorm', [3, 1e-3], /options are an object/],
  ['Dropout', ['0.5'], /p: expected a number, got "0\.5"/],
  ['Dropout', [0.5, 1], /options are an object/],
  ['Upsample', [2], /options are an object such as \{ size: 2 \}, got 2/],
  ['Sequential', [[new engine.ReLU()]], /new Sequential\(\.\.\.modules\)/],
  ['Sequential', ['relu'], /a module or \[name, module\], got "relu" at index 0/],
  ['Schedule', [{ type: 'step', stepSize: 2 }, '0.1'], /Schedule: expected a number, got "0\.1"/],
  ['Schedule', [{ type: 'stpe', stepSize: 2 }, 0.1], /did you mean "step"\?/],
  ['WasmBackend', [{ thread: 2 }], /unknown option "thread": did you mean "threads"\?/],
  ['Generator', ['5'], /a seed is a whole number/],
])('new %s(%j) is refused', (name, args, message) => {
  expectRefused(() => new classes[name](...args), message);
});

test('an unknown option of a loader and a batch size that is not a number are refused', () => {
  const dataset = {
    length: 1,
    inputShape: [1],
    inputs: Float32Array.of(1),
    target: { kind: 'values', shape: [1] },
    targets: Float32Array.of(1),
  };
  const loader = (options: unknown) => new classes['InlineLoader'](dataset, options);
  expectRefused(() => loader({ batchSize: 1, dropLast: false, shuffle: true }), /unknown option "shuffle"/);
  expectRefused(() => loader({ batchsize: 1, dropLast: false }), /did you mean "batchSize"\?/);
  const flip = { type: 'horizontalFlip', prob: 1 };
  expectRefused(() => loader({ batchSize: 1, dropLast: false, transforms: [flip] }), /transforms: prob: unknown field "prob"/);
  expectRefused(() => loader({ batchSize: '1', dropLast: false }), /batchSize must be a whole number of at least 1, got "1"/);
});

test('an unknown option of a backward pass is refused', () => {
  const loss = engine.sum(ones([2], { requiresGrad: true }));
  expectRefused(() => loss.backward({ retain_graph: true } as never), /did you mean "retainGraph"\?/);
});

test('omitted options have their defaults, also in a spec that was not checked', () => {
  const step = { type: 'step', stepSize: 2 } as never;
  expect(specs.learningRateAt(step, 0.1, 2)).toBeCloseTo(0.01, 12);
  expect(new engine.Schedule(step, 0.1).after(2, 2).learningRate).toBeCloseTo(0.01, 12);
  const layers = [{ type: 'conv2d', outChannels: 2, kernelSize: 3 }, { type: 'flatten' }] as never;
  const model = specs.buildModel(layers, [1, 4, 4], new engine.Generator(1));
  expect(model.forward(zeros([1, 1, 4, 4])).shape).toEqual([1, 8]);
});

describe('train', () => {
  const spec = { data: { dataset: 'digits' }, model: { layers: [{ type: 'flatten' }] } };
  const { spec: checked } = specs.checkSpec({
    data: { dataset: 'digits' },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd' },
    epochs: 1,
  });

  test.each([
    ['a spec that was not checked', [spec, { files: noFiles }], /use train\(checkSpec\(spec\)\.spec, options\)/],
    ['no options', [checked, undefined], /options are an object such as \{ files: … \}, got undefined/],
    ['no files', [checked, {}], /the option files is missing/],
    ['an unknown option', [checked, { files: noFiles, initialweights: tensor([1]) }], /did you mean "initialWeights"\?/],
  ])('refuses %s', async (_, args, message) => {
    const run = functions['train'](...args) as AsyncGenerator;
    const first = run.next();
    await expect(first).rejects.toThrow(ArgumentError);
    await expect(first).rejects.toThrow(message);
  });
});

test('the output size of an average pooling refuses the same divisor as the pooling', () => {
  expect(() => avgPoolSize([4, 4], 2, { divisorOverride: 0 })).toThrow('divisorOverride must not be 0');
  expect(avgPoolSize([4, 4], 2, { divisorOverride: 3 })).toEqual([2, 2]);
});
