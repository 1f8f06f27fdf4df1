// Layers as modules and as definitions: every one in the registry has a sample here, which its shape rule, its cost, its
// draws and its gradients are checked with.
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  buildModel,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  ELU,
  Flatten,
  GELU,
  Generator,
  GroupNorm,
  Hardswish,
  inferShapes,
  LayerNorm,
  type LayerSpec,
  LeakyReLU,
  Linear,
  LogSoftmax,
  layerDefinitions,
  layerSchema,
  MaxPool2d,
  type Module,
  manualSeed,
  PReLU,
  ReferenceBackend,
  ReLU,
  ReLU6,
  Residual,
  randn,
  Sequential,
  type Shape,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
  Upsample,
  withBackend,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { checkLeafGradients } from '../support/checkGradients.ts';
import { expectRefusal } from '../support/expectRefusal.ts';
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

  test('gives outputs of the shape that its rule says, and has as many parameters as its cost', () => {
    const [summary] = shapesOf([spec], input);
    const model = buildModel([spec], input, new Generator(0));
    expect(model.forward(randn([2, ...input])).shape).toEqual([2, ...summary.outputShape]);
    expect(model.parameters().reduce((sum, { size }) => sum + size, 0)).toBe(summary.parameters);
  });

  test('has the gradients of its input and parameters that finite differences give', () => {
    withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
      const generator = new Generator(7);
      const model = buildModel([spec], input, generator);
      const batch = randn([2, ...input], { generator, requiresGrad: true });
      checkLeafGradients(() => model.forward(batch), [batch, ...model.parameters()], generator);
    });
  });

  test('draws its initial values from the generator that it is given, and from no other', () => {
    const valuesOf = (seed: number): number[] =>
      buildModel([spec], input, new Generator(seed))
        .parameters()
        .flatMap(({ values }) => [...values]);
    manualSeed(1);
    const first = valuesOf(5);
    manualSeed(2);
    expect(valuesOf(5)).toEqual(first);
    // Norms and slopes start at one value each, whatever the seed.
    if (new Set(first).size > 2) expect(valuesOf(6)).not.toEqual(first);
  });
});

const printed: readonly (readonly [Module, string])[] = [
  [new Conv2d(3, 8, 3), 'Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))'],
  [
    new Conv2d(4, 8, [3, 5], { stride: 2, padding: [1, 2], dilation: [1, 2], groups: 2, bias: false }),
    'Conv2d(4, 8, kernel_size=(3, 5), stride=(2, 2), padding=(1, 2), dilation=(1, 2), groups=2, bias=False)',
  ],
  [
    new Conv2d(4, 8, 3, { padding: 'same', paddingMode: 'circular' }),
    'Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=same, padding_mode=circular)',
  ],
  [
    new ConvTranspose2d(4, 8, 3, { stride: 2, padding: [1, 0], outputPadding: 1, groups: 2 }),
    'ConvTranspose2d(4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 0), output_padding=(1, 1), groups=2)',
  ],
  [new AvgPool2d([3, 2], { padding: 1 }), 'AvgPool2d(kernel_size=(3, 2), stride=(3, 2), padding=1)'],
  [new AdaptiveAvgPool2d([7, null]), 'AdaptiveAvgPool2d(output_size=(7, None))'],
  [new Upsample({ scaleFactor: 2, mode: 'bilinear' }), "Upsample(scale_factor=2.0, mode='bilinear')"],
  [new Upsample({ size: [4, 3] }), "Upsample(size=(4, 3), mode='nearest')"],
  [
    new Residual(new Sequential(new ReLU())),
    `Residual(
  (layers): Sequential(
    (0): ReLU()
  )
)`,
  ],
  [new Linear(400, 120), 'Linear(in_features=400, out_features=120, bias=True)'],
  [new Linear(3, 2, { bias: false }), 'Linear(in_features=3, out_features=2, bias=False)'],
  [new ReLU(), 'ReLU()'],
  [new MaxPool2d(2), 'MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)'],
  [
    new MaxPool2d([3, 2], { stride: 1, padding: [1, 0], ceilMode: true }),
    'MaxPool2d(kernel_size=(3, 2), stride=1, padding=(1, 0), dilation=1, ceil_mode=True)',
  ],
  [new BatchNorm2d(4), 'BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)'],
  [
    new BatchNorm1d(4, { momentum: null, affine: false, trackRunningStats: false }),
    'BatchNorm1d(4, eps=1e-05, momentum=None, affine=False, track_running_stats=False)',
  ],
  [new LayerNorm([4, 3]), 'LayerNorm((4, 3), eps=1e-05, elementwise_affine=True)'],
  [new LayerNorm(8, { elementwiseAffine: false }), 'LayerNorm((8,), eps=1e-05, elementwise_affine=False)'],
  [new GroupNorm(2, 4), 'GroupNorm(2, 4, eps=1e-05, affine=True)'],
  [new Dropout(0.25), 'Dropout(p=0.25, inplace=False)'],
  [new LeakyReLU(), 'LeakyReLU(negative_slope=0.01)'],
  [new ELU(), 'ELU(alpha=1.0)'],
  [new GELU(), "GELU(approximate='none')"],
  [new Softplus(), 'Softplus(beta=1.0, threshold=20.0)'],
  [new Softmax(), 'Softmax(dim=1)'],
  [new LogSoftmax(-1), 'LogSoftmax(dim=-1)'],
  [new PReLU(3), 'PReLU(num_parameters=3)'],
  [new ReLU6(), 'ReLU6()'],
  [new SiLU(), 'SiLU()'],
  [new Sigmoid(), 'Sigmoid()'],
  [new Tanh(), 'Tanh()'],
  [new Hardswish(), 'Hardswish()'],
  [new Flatten(), 'Flatten(start_dim=1, end_dim=-1)'],
  [new Flatten(2, -2), 'Flatten(start_dim=2, end_dim=-2)'],
  [
    new Sequential(['conv1', new Conv2d(1, 6, 5)], new ReLU(), ['head', new Sequential(new Flatten(), new Linear(9, 2))]),
    `Sequential(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (1): ReLU()
  (head): Sequential(
    (0): Flatten(start_dim=1, end_dim=-1)
    (1): Linear(in_features=9, out_features=2, bias=True)
  )
)`,
  ],
];

test.each(printed)('a layer prints as in PyTorch: case %#', (module, text) => {
  expect(String(module)).toBe(text);
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

  test('names the parameters of a residual by its two ways, and draws its layers before its shortcut', () => {
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

  test('draws as the constructors do, one after another', () => {
    const built = buildModel(lenet, [1, 28, 28], new Generator(3));
    manualSeed(3);
    const constructed = [new Conv2d(1, 6, 5), new Conv2d(6, 16, 5), new Linear(400, 120), new Linear(120, 84), new Linear(84, 10)];
    const expected = constructed.flatMap((module) => module.parameters());
    expect(built.parameters().map(({ values }) => values)).toEqual(expected.map(({ values }) => values));
  });

  test('is counted without touching memory, however large it is', () => {
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

const refused: readonly (readonly [string, readonly object[], Shape, { index: number; field: string | null; message: RegExp }])[] = [
  [
    'a kernel larger than its input',
    [{ type: 'relu' }, { type: 'conv2d', outChannels: 1, kernelSize: 7 }],
    [1, 5, 5],
    { index: 1, field: 'kernelSize', message: /kernel 7×7 does not fit its 5×5 input.*smaller kernel or more padding/ },
  ],
  [
    'a dilated kernel larger than its input',
    [{ type: 'conv2d', outChannels: 1, kernelSize: 3, dilation: 3 }],
    [1, 5, 5],
    { index: 0, field: 'kernelSize', message: /kernel 3×3 with dilation 3×3 does not fit its 5×5 input/ },
  ],
  [
    'a convolution after the flatten',
    [{ type: 'flatten' }, { type: 'conv2d', outChannels: 1, kernelSize: 1 }],
    [1, 5, 5],
    { index: 1, field: null, message: /conv2d needs an input \[channels, height, width\], got \[25\]: put it before the flatten/ },
  ],
  [
    'groups that do not divide the channels',
    [{ type: 'conv2d', outChannels: 4, kernelSize: 1, groups: 2 }],
    [3, 5, 5],
    { index: 0, field: 'groups', message: /groups 2 must divide both the 3 input and the 4 output channels/ },
  ],
  [
    'a linear on a map',
    [{ type: 'linear', outFeatures: 10 }],
    [16, 5, 5],
    {
      index: 0,
      field: null,
      message: /linear needs an input \[features\], got \[16, 5, 5\]: put a flatten layer before it, which gives \[400\]/,
    },
  ],
  [
    'a pooling window larger than its input',
    [{ type: 'maxPool2d', kernelSize: 6 }],
    [1, 5, 5],
    { index: 0, field: 'kernelSize', message: /height 6 does not fit an input of height 5/ },
  ],
  [
    'a pooling padded by more than half its window',
    [{ type: 'maxPool2d', kernelSize: 2, padding: 2 }],
    [1, 5, 5],
    { index: 0, field: 'padding', message: /padding 2 is more than half/ },
  ],
  [
    'a pooling after the flatten',
    [{ type: 'flatten' }, { type: 'maxPool2d', kernelSize: 2 }],
    [1, 5, 5],
    { index: 1, field: null, message: /maxPool2d needs an input \[channels, height, width\], got \[25\]/ },
  ],
  [
    "a padding 'same' of a stride",
    [{ type: 'conv2d', outChannels: 1, kernelSize: 3, stride: 2, padding: 'same' }],
    [1, 5, 5],
    { index: 0, field: 'padding', message: /padding 'same' needs stride 1, got 2×2/ },
  ],
  [
    'a mirror larger than its input',
    [{ type: 'conv2d', outChannels: 1, kernelSize: 3, padding: 5, paddingMode: 'reflect' }],
    [1, 5, 5],
    { index: 0, field: 'padding', message: /paddingMode 'reflect' can add at most 4×4 to a 5×5 input, got 5×5/ },
  ],
  [
    'an average pooling padded by more than half its window',
    [{ type: 'avgPool2d', kernelSize: 3, padding: [1, 2] }],
    [1, 5, 5],
    { index: 0, field: 'padding', message: /padding 2 is more than half the kernel's width 3/ },
  ],
  [
    'an average pooling window larger than its input',
    [{ type: 'avgPool2d', kernelSize: 6 }],
    [1, 5, 5],
    { index: 0, field: 'kernelSize', message: /height 6 does not fit an input of height 5/ },
  ],
  [
    'an upsampling by nothing',
    [{ type: 'upsample' }],
    [1, 5, 5],
    { index: 0, field: 'size', message: /either size or scaleFactor, got neither/ },
  ],
  [
    'aligned corners of nearest pixels',
    [{ type: 'upsample', size: 3, alignCorners: true }],
    [1, 5, 5],
    { index: 0, field: 'alignCorners', message: /not for 'nearest'/ },
  ],
  [
    'an upsampling to nothing',
    [{ type: 'upsample', scaleFactor: 0.1 }],
    [1, 5, 5],
    { index: 0, field: 'scaleFactor', message: /leaves nothing of an input 5×5/ },
  ],
  [
    'an output padding as large as the stride',
    [{ type: 'convTranspose2d', outChannels: 1, kernelSize: 3, stride: 2, outputPadding: 2 }],
    [1, 5, 5],
    { index: 0, field: 'outputPadding', message: /2×2 must be less than the stride 2×2 or the dilation 1×1/ },
  ],
  [
    'a transposed convolution that cuts all off',
    [{ type: 'convTranspose2d', outChannels: 1, kernelSize: 3, padding: 4 }],
    [1, 5, 5],
    { index: 0, field: 'padding', message: /leaves nothing of the output 7×7/ },
  ],
  [
    'a residual whose layers change the shape',
    [{ type: 'residual', layers: [{ type: 'conv2d', outChannels: 2, kernelSize: 3 }] }],
    [1, 5, 5],
    { index: 0, field: null, message: /its layers make \[2, 3, 3\] of \[1, 5, 5\].*give it a shortcut/ },
  ],
  [
    'a residual whose shortcut comes to another shape',
    [{ type: 'residual', layers: [{ type: 'relu' }], shortcut: [{ type: 'conv2d', outChannels: 2, kernelSize: 1 }] }],
    [1, 5, 5],
    { index: 0, field: 'shortcut', message: /its layers come to \[1, 5, 5\] and its shortcut to \[2, 5, 5\]/ },
  ],
  [
    'a layer in a residual that does not fit',
    [{ type: 'residual', layers: [{ type: 'relu' }, { type: 'conv2d', outChannels: 1, kernelSize: 7 }] }],
    [1, 5, 5],
    { index: 0, field: 'layers/1/kernelSize', message: /conv2d "1" of its layers: kernel 7×7 does not fit/ },
  ],
  [
    'a residual with one name twice',
    [
      {
        type: 'residual',
        layers: [{ type: 'relu' }],
        shortcut: [
          { type: 'relu', name: 'a' },
          { type: 'tanh', name: 'a' },
        ],
      },
    ],
    [1, 5, 5],
    { index: 0, field: 'shortcut/1/name', message: /layer 0 of its shortcut is named "a" already/ },
  ],
  [
    'a flatten of the batch',
    [{ type: 'flatten', startDim: 0 }],
    [1, 5, 5],
    { index: 0, field: 'startDim', message: /startDim 0 is the batch/ },
  ],
  [
    'a flatten of the batch, counted from the end',
    [{ type: 'flatten', startDim: -4 }],
    [1, 5, 5],
    { index: 0, field: 'startDim', message: /startDim -4 is the batch/ },
  ],
  [
    'a flatten of a dimension that does not exist',
    [{ type: 'flatten', endDim: 4 }],
    [1, 5, 5],
    { index: 0, field: 'endDim', message: /endDim 4 does not exist: a batch of inputs \[1, 5, 5\] has 4 dimensions/ },
  ],
  [
    'a flatten that ends before it starts',
    [{ type: 'flatten', startDim: 3, endDim: 2 }],
    [1, 5, 5],
    { index: 0, field: 'startDim', message: /startDim 3 comes after endDim 2/ },
  ],
];

describe.each(refused)('%s', (_, layers, input, { index, field, message }) => {
  const specs = layers.map(layer);

  test('is found from the shapes alone, with the layer and the option to blame', () => {
    const inferred = inferShapes(specs, input);
    if (inferred.ok) expect.fail('the layers were accepted');
    expect(inferred.index).toBe(index);
    expect(inferred.error).toMatchObject({ code: 'shapeMismatch', field });
    expect(inferred.error.message).toMatch(message);
  });

  test('is not built', () => {
    expect(() => buildModel(specs, input, new Generator(0))).toThrow(message);
  });
});

test.each([
  ['a name with a dot', { type: 'relu', name: 'a.b' }],
  ['a number as a name', { type: 'relu', name: '7' }],
  ['an empty name', { type: 'relu', name: '' }],
  ['a negative size', { type: 'conv2d', outChannels: -1, kernelSize: 3 }],
  ['a kernel of nothing', { type: 'conv2d', outChannels: 1, kernelSize: 0 }],
  ['three sizes for two dimensions', { type: 'maxPool2d', kernelSize: [1, 2, 3] }],
  ['a residual of nothing', { type: 'residual', layers: [] }],
  ['a residual within a residual', { type: 'residual', layers: [{ type: 'residual', layers: [{ type: 'relu' }] }] }],
  ['half a feature', { type: 'linear', outFeatures: 0.5 }],
  ['an option of another layer', { type: 'relu', outFeatures: 3 }],
])('a layer with %s is refused by the schema', (_, input) => {
  expect(layerSchema.safeParse(input).success).toBe(false);
});

test.each([
  ['Conv2d', () => new Conv2d(1, 6, 0), /Conv2d: kernelSize/],
  ['Conv2d', () => new Conv2d(0, 6, 3), /Conv2d: inChannels: must be at least 1, got 0/],
  ['Linear', () => new Linear(3, -2), /Linear: outFeatures: must be at least 1, got -2/],
  ['MaxPool2d', () => new MaxPool2d(2, { stride: 0 }), /MaxPool2d: stride/],
  ['Flatten', () => new Flatten(1.5), /Flatten: startDim: expected a whole number, got 1.5/],
])('the class %s refuses sizes that make no sense', (_, make, message) => {
  expectRefusal(make, 'invalidArgument', message);
});

test('a Residual refuses to add what is not alike, which would broadcast', () => {
  expectRefusal(() => new Residual(new Linear(3, 1)).forward(randn([2, 3])), 'shapeMismatch', /make \[2, 1\] of \[2, 3\]/);
});

describe('a Sequential', () => {
  test('runs its children in the order given, also when their names look like numbers', () => {
    const model = new Sequential(['9', new Flatten()], ['1', new Linear(4, 2)]);
    expect(model.forward(randn([3, 2, 2])).shape).toEqual([3, 2]);
    expect(model.namedParameters().map(([name]) => name)).toEqual(['1.weight', '1.bias']);
  });

  test('reaches all below it with train, eval and zeroGrad', () => {
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
    ['a name with a dot', () => new Sequential(['a.b', new ReLU()]), /has no dots, got "a.b"/],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
