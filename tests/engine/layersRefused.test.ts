// Tests that layers refuse invalid options, and shapes that do not fit, before anything is built. The classes of layers refuse the same
// sizes.
import { Branches, Conv2d, Flatten, Generator, Linear, MaxPool2d, Residual, randn, type Shape, SqueezeExcitation } from '@trainyard/engine';
import { buildModel, inferShapes, type LayerSpec, layerSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { expectRefusal } from '../support/expectRefusal.ts';

const layer = (input: object): LayerSpec => layerSchema.parse(input);

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
    { index: 0, field: 'padding', message: /paddingMode 'reflect' allows a padding of at most 4×4 for a 5×5 input, got 5×5/ },
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
    'an instance normalisation of single positions',
    [{ type: 'adaptiveAvgPool2d', outputSize: 1 }, { type: 'instanceNorm2d' }],
    [2, 5, 5],
    { index: 1, field: null, message: /more than one position per channel, got \[2, 1, 1\]: .*use batchNorm2d/ },
  ],
  [
    'a dropout of channels after the flatten',
    [{ type: 'flatten' }, { type: 'dropout2d' }],
    [1, 5, 5],
    { index: 1, field: null, message: /dropout2d needs an input \[channels, height, width\], got \[25\]/ },
  ],
  [
    'a residual whose layers change the shape',
    [{ type: 'residual', layers: [{ type: 'conv2d', outChannels: 2, kernelSize: 3 }] }],
    [1, 5, 5],
    { index: 0, field: null, message: /layers change the shape \[1, 5, 5\] to \[2, 3, 3\].*add a shortcut/ },
  ],
  [
    'a residual whose shortcut comes to another shape',
    [{ type: 'residual', layers: [{ type: 'relu' }], shortcut: [{ type: 'conv2d', outChannels: 2, kernelSize: 1 }] }],
    [1, 5, 5],
    { index: 0, field: 'shortcut', message: /layers give the shape \[1, 5, 5\] and shortcut gives \[2, 5, 5\]/ },
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
    'branches of different heights that are concatenated',
    [{ type: 'branches', branches: [[], [{ type: 'relu' }], [{ type: 'conv2d', outChannels: 2, kernelSize: 3 }]] }],
    [1, 5, 5],
    {
      index: 0,
      field: 'branches/2',
      message: /branch 0 gives the shape \[1, 5, 5\] and branch 2 gives \[2, 3, 3\]: give both the same sizes except for the first/,
    },
  ],
  [
    'branches of different channels that are added',
    [{ type: 'branches', merge: 'add', branches: [[], [{ type: 'conv2d', outChannels: 2, kernelSize: 1 }]] }],
    [1, 5, 5],
    {
      index: 0,
      field: 'branches/1',
      message: /branch 0 gives the shape \[1, 5, 5\] and branch 1 gives \[2, 5, 5\]: make both equal, or merge with concat/,
    },
  ],
  [
    'branches of images and features',
    [{ type: 'branches', branches: [[], [{ type: 'flatten' }]] }],
    [1, 5, 5],
    { index: 0, field: 'branches/1', message: /branch 0 gives the shape \[1, 5, 5\] and branch 1 gives \[25\]/ },
  ],
  [
    'a layer in a branch that does not fit',
    [{ type: 'branches', branches: [[], [{ type: 'relu' }, { type: 'conv2d', outChannels: 1, kernelSize: 7 }]] }],
    [1, 5, 5],
    { index: 0, field: 'branches/1/1/kernelSize', message: /conv2d "1" of its branch 1: kernel 7×7 does not fit/ },
  ],
  [
    'a branch with one name twice',
    [
      {
        type: 'branches',
        branches: [
          [
            { type: 'relu', name: 'a' },
            { type: 'tanh', name: 'a' },
          ],
          [{ type: 'relu', name: 'a' }],
        ],
      },
    ],
    [1, 5, 5],
    { index: 0, field: 'branches/0/1/name', message: /layer 0 of its branch 0 is named "a" already/ },
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

  test('is detected from the shapes, and the error names the layer and the option', () => {
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
  ['an activation that squeezeExcite does not have', { type: 'squeezeExcite', squeezeChannels: 2, activation: 'softmax' }],
  ['a single branch', { type: 'branches', branches: [[{ type: 'relu' }]] }],
  ['branches that are not lists', { type: 'branches', branches: [{ type: 'relu' }, { type: 'tanh' }] }],
  ['branches within branches', { type: 'branches', branches: [[], [{ type: 'branches', branches: [[], []] }]] }],
  ['branches that are multiplied', { type: 'branches', branches: [[], []], merge: 'multiply' }],
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
  ['SqueezeExcitation', () => new SqueezeExcitation(4, 0), /SqueezeExcitation: squeezeChannels: must be at least 1, got 0/],
  ['Flatten', () => new Flatten(1.5), /Flatten: startDim: expected a whole number, got 1.5/],
])('the class %s refuses sizes that make no sense', (_, make, message) => {
  expectRefusal(make, 'invalidArgument', message);
});

test('a Branches refuses a single branch, an unknown merge, and different shapes that would broadcast', () => {
  expectRefusal(() => new Branches([new Linear(3, 1)]), 'invalidArgument', /at least 2 branches, got 1/);
  expectRefusal(
    () => new Branches([new Linear(3, 1), new Linear(3, 1)], { merge: 'sum' as 'add' }),
    'invalidArgument',
    /'concat' or 'add', got "sum"/,
  );
  const added = new Branches([new Linear(3, 3), new Linear(3, 1)], { merge: 'add' });
  expectRefusal(() => added.forward(randn([2, 3])), 'shapeMismatch', /branch 0 gives the shape \[3\] and branch 1 gives \[1\]/);
});

test('a Residual refuses to add different shapes that would broadcast', () => {
  expectRefusal(() => new Residual(new Linear(3, 1)).forward(randn([2, 3])), 'shapeMismatch', /change the shape \[2, 3\] to \[2, 1\]/);
});
