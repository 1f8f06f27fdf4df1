// Compares the gradient of every operation with finite differences. Each case is one line.
import * as ops from '@trainyard/engine';
import type { Shape, Tensor } from '@trainyard/engine';
import { describe, test } from 'vitest';
import { activationFunctions } from '../support/activationFunctions.ts';
import { checkGradients, type GradientCheck } from '../support/checkGradients.ts';

type Case = readonly [name: string, fn: (...operands: Tensor[]) => Tensor, shapes: readonly Shape[], options?: GradientCheck];

const positive: GradientCheck = { range: [0.5, 2] };

const cases: readonly Case[] = [
  [
    'add',
    (a, b) => a.add(b),
    [
      [2, 3],
      [2, 3],
    ],
  ],
  ['add of a number', (a) => ops.add(3, a), [[2, 3]]],
  [
    'add, both operands broadcast',
    (a, b) => a.add(b),
    [
      [2, 1, 3],
      [4, 1],
    ],
  ],
  ['sub', (a, b) => a.sub(b), [[2, 3], [3]]],
  ['sub from a number', (a) => ops.sub(1, a), [[3]]],
  [
    'mul',
    (a, b) => a.mul(b),
    [
      [2, 3],
      [2, 1],
    ],
  ],
  ['mul of a tensor by itself', (a) => a.mul(a), [[4]]],
  ['div', (a, b) => a.div(b), [[3], [2, 3]], positive],
  ['div of a number', (a) => ops.div(2, a), [[2, 2]], positive],
  ['pow 3', (a) => a.pow(3), [[5]]],
  ['pow 2 of negative numbers', (a) => a.pow(2), [[5]], { range: [-3, -1] }],
  ['pow -0.5', (a) => a.pow(-0.5), [[5]], positive],
  ['pow 0', (a) => a.pow(0), [[3]]],
  ['neg', (a) => a.neg(), [[3]]],
  ['exp', (a) => a.exp(), [[2, 3]]],
  ['log', (a) => a.log(), [[2, 3]], positive],
  ['sqrt', (a) => a.sqrt(), [[2, 3]], positive],
  ['square', (a) => a.square(), [[2, 3]]],
  ['abs', (a) => a.abs(), [[2, 5]]],
  ['relu', (a) => a.relu(), [[3, 7]]],
  ...activationFunctions.map(([name, compute]): Case => [name, (a) => compute(a), [[3, 7]], { range: [-4, 8] }]),
  ['gelu by tanh', (a) => ops.gelu(a, 'tanh'), [[3, 7]], { range: [-4, 4] }],
  ['clamp between numbers', (a) => ops.clamp(a, -0.7, 1.2), [[3, 7]]],
  ['prelu with one weight', (a, w) => ops.prelu(a, w), [[3, 7], [1]]],
  ['prelu with a weight per channel', (a, w) => ops.prelu(a, w), [[2, 3, 4], [3]]],
  ['softmax over a middle dimension', (a) => ops.softmax(a, 1), [[2, 3, 4]]],
  ['dropout', (a) => ops.dropout(a, 0.4, new ops.Generator(3)), [[4, 5]]],
  ['batchNorm in training', (x, w, b) => ops.batchNorm(x, null, w, b, { training: true }), [[3, 2, 2, 3], [2], [2]]],
  [
    'batchNorm in evaluation',
    (x, w, b) => ops.batchNorm(x, { mean: ops.tensor([0.3, -1]), variance: ops.tensor([0.5, 2]) }, w, b),
    [[3, 2, 2, 3], [2], [2]],
  ],
  [
    'layerNorm',
    (x, w, b) => ops.layerNorm(x, [3, 4], w, b),
    [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
  ],
  ['groupNorm', (x, w, b) => ops.groupNorm(x, 2, w, b), [[2, 4, 3], [4], [4]]],
  ['dropout2d', (a) => ops.dropout2d(a, 0.4, new ops.Generator(3)), [[2, 3, 2, 2]]],
  ['instanceNorm', (x, w, b) => ops.instanceNorm(x, null, w, b), [[2, 3, 2, 4], [3], [3]]],
  [
    'instanceNorm in training with running statistics',
    (x, w, b) => ops.instanceNorm(x, { mean: ops.zeros([3]), variance: ops.ones([3]) }, w, b, { training: true }),
    [[2, 3, 2, 4], [3], [3]],
  ],
  ['sum', (a) => a.sum(), [[2, 3]]],
  ['sum over one dimension', (a) => a.sum(1), [[2, 3, 4]]],
  ['sum over two, kept', (a) => a.sum([0, -1], true), [[2, 3, 4]]],
  ['mean', (a) => a.mean(), [[2, 3]]],
  ['mean over two dimensions', (a) => a.mean([0, 2]), [[2, 3, 4]]],
  ['reshape', (a) => a.reshape(3, -1).mul(a.reshape(-1, 2)), [[2, 3]]],
  ['flatten', (a) => a.flatten(1), [[2, 3, 2]]],
  ['permute', (a) => a.permute(2, 0, 1), [[2, 3, 4]]],
  ['transpose', (a) => a.transpose(-1, 0), [[2, 3, 4]]],
  ['t', (a) => a.t(), [[2, 3]]],
  ['expand', (a) => a.expand(2, -1, 4), [[3, 1]]],
  ['clone', (a) => a.clone().mul(a), [[3]]],
  ['logSoftmax over rows', (a) => a.logSoftmax(1), [[3, 4]]],
  ['logSoftmax over a middle dimension', (a) => a.logSoftmax(-2), [[2, 3, 4]]],
  ['matmul of vectors', (a, b) => a.matmul(b), [[4], [4]]],
  ['matmul, matrix by vector', (a, b) => a.matmul(b), [[3, 4], [4]]],
  ['matmul, vector by matrix', (a, b) => a.matmul(b), [[3], [3, 4]]],
  [
    'matmul of matrices',
    (a, b) => a.matmul(b),
    [
      [2, 3],
      [3, 4],
    ],
  ],
  ['matmul, batch by vector', (a, b) => a.matmul(b), [[2, 3, 4], [4]]],
  ['matmul, vector by batch', (a, b) => a.matmul(b), [[3], [2, 3, 4]]],
  [
    'matmul, batch by matrix',
    (a, b) => a.matmul(b),
    [
      [2, 2, 3],
      [3, 2],
    ],
  ],
  [
    'matmul, matrix by batch',
    (a, b) => a.matmul(b),
    [
      [2, 3],
      [4, 3, 2],
    ],
  ],
  [
    'matmul of batches',
    (a, b) => a.matmul(b),
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
  ],
  [
    'matmul, batches that broadcast',
    (a, b) => a.matmul(b),
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
  ],
  [
    'matmul, both batches repeated',
    (a, b) => a.matmul(b),
    [
      [2, 1, 2, 3],
      [1, 3, 3, 2],
    ],
  ],
  ['matmul of a matrix by itself', (a) => a.matmul(a), [[3, 3]]],
  ['linear', (x, w, b) => ops.linear(x, w, b), [[3, 4], [2, 4], [2]]],
  [
    'linear without bias, more dimensions',
    (x, w) => ops.linear(x, w),
    [
      [2, 3, 4],
      [2, 4],
    ],
  ],
  ['linear of one sample', (x, w, b) => ops.linear(x, w, b), [[4], [2, 4], [2]]],
  ['conv2d', (x, w, b) => ops.conv2d(x, w, b), [[2, 2, 5, 4], [3, 2, 3, 2], [3]]],
  [
    'conv2d with every option',
    (x, w, b) => ops.conv2d(x, w, b, { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 }),
    [[1, 4, 5, 6], [2, 2, 3, 2], [2]],
  ],
  [
    'conv2d, depthwise and without bias',
    (x, w) => ops.conv2d(x, w, null, { groups: 3, padding: 1 }),
    [
      [2, 3, 4, 4],
      [3, 1, 3, 3],
    ],
  ],
  ['maxPool2d', (x) => ops.maxPool2d(x, 2), [[2, 2, 4, 4]]],
  ['maxPool2d with overlap and padding', (x) => ops.maxPool2d(x, [3, 2], { stride: 1, padding: 1 }), [[1, 2, 4, 5]]],
  ['maxPool2d with dilation and ceilMode', (x) => ops.maxPool2d(x, 2, { stride: 2, dilation: 2, ceilMode: true }), [[2, 6, 7]]],
  ['maximum', (a, b) => ops.maximum(a, b), [[2, 3], [3]]],
  ['maximum of equal operands', (a) => ops.maximum(a, a), [[5]]],
  ['minimum', (a, b) => ops.minimum(a, b), [[2, 1], [3]]],
  ['reciprocal', (a) => ops.reciprocal(a), [[2, 3]], positive],
  ['variance over everything', (a) => ops.variance(a), [[2, 3]]],
  ['variance over one dimension, biased, kept', (a) => ops.variance(a, 1, { unbiased: false, keepdim: true }), [[2, 3, 4]]],
  ['max over a middle dimension', (a) => ops.max(a, 1).values, [[2, 5, 3]]],
  [
    'cat',
    (a, b, c) => ops.cat([a, b, c], -2),
    [
      [2, 1, 3],
      [2, 0, 3],
      [2, 4, 3],
    ],
  ],
  ['narrow', (a) => ops.narrow(a, 1, -3, 2), [[2, 4, 3]]],
  ['pad', (a) => ops.pad(a, [2, -1, 0, 1], 'constant', 3), [[2, 3, 4]]],
  ['pad by a mirror', (a) => ops.pad(a, [2, 1, 0, 2], 'reflect'), [[2, 3, 4]]],
  ['pad with the edge', (a) => ops.pad(a, [5, 1], 'replicate'), [[2, 3]]],
  ['pad from the other end', (a) => ops.pad(a, [3, 2, 1, 0], 'circular'), [[2, 3, 3]]],
  ['embedding', (w) => ops.embedding(ops.indices([2, 0, 2, 1], [2, 2]), w), [[3, 4]]],
  [
    "conv2d with padding 'same' of an even kernel",
    (x, w) => ops.conv2d(x, w, null, { padding: 'same', dilation: [1, 3] }),
    [
      [1, 2, 4, 5],
      [2, 2, 2, 4],
    ],
  ],
  ['convTranspose2d', (x, w, b) => ops.convTranspose2d(x, w, b), [[2, 2, 3, 4], [2, 3, 3, 2], [3]]],
  [
    'convTranspose2d with every option',
    (x, w, b) => ops.convTranspose2d(x, w, b, { stride: [2, 1], padding: [2, 1], outputPadding: [1, 2], dilation: [1, 3], groups: 2 }),
    [[2, 4, 3, 2], [4, 1, 3, 2], [2]],
  ],
  ['avgPool2d', (x) => ops.avgPool2d(x, 2), [[2, 2, 4, 5]]],
  [
    'avgPool2d over partial windows, without the padding',
    (x) => ops.avgPool2d(x, [3, 2], { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
    [[2, 4, 6]],
  ],
  ['avgPool2d with a gap and a divisor', (x) => ops.avgPool2d(x, 2, { stride: 3, divisorOverride: 3 }), [[1, 2, 7, 8]]],
  ['adaptiveAvgPool2d', (x) => ops.adaptiveAvgPool2d(x, [3, 2]), [[2, 2, 5, 7]]],
  ['adaptiveAvgPool2d to more than there is', (x) => ops.adaptiveAvgPool2d(x, [5, null]), [[1, 3, 4]]],
  ...(['nearest', 'nearest-exact', 'bilinear', 'bicubic'] as const).flatMap((mode): Case[] => [
    [`upsample, ${mode}`, (x) => ops.upsample(x, { mode, scaleFactor: [2, 1.7] }), [[1, 2, 3, 4]]],
    [`upsample to fewer pixels, ${mode}`, (x) => ops.upsample(x, { mode, size: [2, 3] }), [[2, 5, 7]]],
  ]),
  ...(['bilinear', 'bicubic'] as const).map(
    (mode): Case => [
      `upsample with aligned corners, ${mode}`,
      (x) => ops.upsample(x, { mode, size: [1, 9], alignCorners: true }),
      [[2, 5, 4]],
    ],
  ),
];

describe('gradients equal finite differences:', () => {
  for (const [name, fn, shapes, options] of cases) {
    test(name, () => checkGradients(fn, shapes, options));
  }
});
