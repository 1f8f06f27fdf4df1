// Tests the results of operations in cases that are small enough to check by hand. opsRefusals.test.ts tests refused arguments,
// opsGradients.test.ts tests gradients, and the conformance tests compare with PyTorch.
import * as ops from '@trainyard/engine';
import { arange, tensor, type Tensor } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';

type Case = readonly [name: string, compute: () => Tensor, expected: ops.NestedArray];

const image = (height: number, width: number): Tensor => arange(height * width).reshape(1, 1, height, width);

const results: readonly Case[] = [
  [
    'add broadcasts a row',
    () =>
      tensor([
        [1, 2],
        [3, 4],
      ]).add(tensor([10, 20])),
    [
      [11, 22],
      [13, 24],
    ],
  ],
  [
    'add broadcasts a column against a row',
    () => tensor([[1], [2]]).add(tensor([10, 20, 30])),
    [
      [11, 21, 31],
      [12, 22, 32],
    ],
  ],
  ['sub of a number', () => tensor([1, 2]).sub(1), [0, 1]],
  ['sub from a number', () => ops.sub(1, tensor([1, 2])), [0, -1]],
  ['mul by a scalar tensor', () => tensor([[1, 2]]).mul(tensor(3)), [[3, 6]]],
  ['div by zero is infinite', () => tensor([1, -1]).div(0), [Infinity, -Infinity]],
  ['pow of negatives by a whole number', () => tensor([-2, 3]).pow(3), [-8, 27]],
  ['pow of negatives by a fraction is not a number', () => tensor([-2, 4]).pow(0.5), [Number.NaN, 2]],
  ['log of zero and of negatives', () => tensor([0, -1, 1]).log(), [-Infinity, Number.NaN, 0]],
  [
    'the gradient of relu passes where its input is not a number',
    () => {
      const x = tensor([-1, 0, 2, Number.NaN, Number.NaN], { requiresGrad: true });
      x.relu().backward(tensor([5, 6, 7, 8, 9]));
      return x.grad ?? expect.fail('relu gave no gradient');
    },
    [0, 0, 7, 8, 9],
  ],
  ['relu keeps what is not a number', () => tensor([-1, 0, 2, Number.NaN]).relu(), [0, 0, 2, Number.NaN]],
  [
    'square and abs',
    () =>
      tensor([-3, 2])
        .square()
        .add(tensor([-1, -2]).abs()),
    [10, 6],
  ],
  ['sum of everything', () => arange(6).reshape(2, 3).sum(), 15],
  ['sum of nothing', () => ops.zeros([0, 3]).sum(0), [0, 0, 0]],
  ['sum over rows', () => arange(6).reshape(2, 3).sum(0), [3, 5, 7]],
  ['sum over the last dimension, kept', () => arange(6).reshape(2, 3).sum(-1, true), [[3], [12]]],
  ['sum over two of three dimensions', () => arange(8).reshape(2, 2, 2).sum([0, 2]), [10, 18]],
  ['sum over an empty list takes everything', () => arange(4).sum([]), 6],
  ['sum of a scalar over its dimension', () => tensor(4).sum(0), 4],
  ['mean of everything', () => arange(5).mean(), 2],
  ['mean of nothing is not a number', () => ops.zeros([0]).mean(), Number.NaN],
  ['mean over columns', () => arange(6).reshape(2, 3).mean(1), [1, 4]],
  [
    'reshape fills in -1',
    () => arange(6).reshape(-1, 2),
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  ],
  ['reshape to a scalar', () => tensor([7]).reshape(), 7],
  [
    'flatten of some dimensions',
    () => arange(8).reshape(2, 2, 2).flatten(1),
    [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ],
  ],
  ['flatten of a scalar', () => tensor(3).flatten(), [3]],
  ['permute', () => arange(6).reshape(1, 2, 3).permute(2, 0, 1), [[[0, 3]], [[1, 4]], [[2, 5]]]],
  [
    'transpose',
    () => arange(6).reshape(2, 3).transpose(0, -1),
    [
      [0, 3],
      [1, 4],
      [2, 5],
    ],
  ],
  [
    't',
    () => arange(4).reshape(2, 2).t(),
    [
      [0, 2],
      [1, 3],
    ],
  ],
  ['t of a vector', () => arange(2).t(), [0, 1]],
  [
    'expand',
    () => tensor([[1], [2]]).expand(2, 2, 3),
    [
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
    ],
  ],
  ['matmul of vectors', () => tensor([1, 2]).matmul(tensor([3, 4])), 11],
  [
    'matmul, matrix by vector',
    () =>
      tensor([
        [1, 2],
        [3, 4],
      ]).matmul(tensor([1, 1])),
    [3, 7],
  ],
  [
    'matmul, vector by matrix',
    () =>
      tensor([1, 1]).matmul(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    [4, 6],
  ],
  [
    'matmul of matrices',
    () =>
      tensor([
        [1, 2],
        [3, 4],
      ]).mm(
        tensor([
          [0, 1],
          [1, 0],
        ]),
      ),
    [
      [2, 1],
      [4, 3],
    ],
  ],
  [
    'matmul of batches that broadcast',
    () =>
      tensor([[[[1, 2]]], [[[3, 4]]]]).matmul(
        tensor([
          [[1], [0]],
          [[0], [1]],
        ]),
      ),
    [
      [[[1]], [[2]]],
      [[[3]], [[4]]],
    ],
  ],
  [
    'matmul over no elements is zero',
    () => ops.zeros([2, 0]).matmul(ops.zeros([0, 2])),
    [
      [0, 0],
      [0, 0],
    ],
  ],
  [
    'linear',
    () =>
      ops.linear(
        tensor([[1, 2]]),
        tensor([
          [1, 0],
          [0, 1],
          [1, 1],
        ]),
        tensor([0, 0, 10]),
      ),
    [[1, 2, 13]],
  ],
  ['linear without bias', () => ops.linear(tensor([1, 2]), tensor([[3, 4]])), [11]],
  [
    'conv2d is a cross-correlation',
    () => ops.conv2d(image(2, 3), tensor([[[[1, 2]]]])),
    [
      [
        [
          [2, 5],
          [11, 14],
        ],
      ],
    ],
  ],
  ['conv2d with padding and bias', () => ops.conv2d(image(1, 2), tensor([[[[1, 1, 1]]]]), tensor([5]), { padding: [0, 1] }), [[[[6, 6]]]]],
  ['conv2d in groups', () => ops.conv2d(tensor([[[[1]], [[2]]]]), tensor([[[[10]]], [[[100]]]]), null, { groups: 2 }), [[[[10]], [[200]]]]],
  [
    'maxPool2d',
    () => ops.maxPool2d(image(4, 4), 2),
    [
      [
        [
          [5, 7],
          [13, 15],
        ],
      ],
    ],
  ],
  ['maxPool2d drops a partial window', () => ops.maxPool2d(image(1, 3), [1, 2]), [[[[1]]]]],
  ['maxPool2d takes a partial window in ceilMode', () => ops.maxPool2d(image(1, 3), [1, 2], { ceilMode: true }), [[[[1, 2]]]]],
  [
    'maxPool2d in ceilMode reads nothing outside of the image, for any number of windows in a row',
    () => ops.maxPool2d(arange(21).sub(30).reshape(1, 3, 1, 7), 2, { ceilMode: true }),
    [[[[-29, -27, -25, -24]], [[-22, -20, -18, -17]], [[-15, -13, -11, -10]]]],
  ],
  [
    'maxPool2d never takes padding for a maximum',
    () => ops.maxPool2d(image(2, 2).sub(10), 2, { padding: 1 }),
    [
      [
        [
          [-10, -9],
          [-8, -7],
        ],
      ],
    ],
  ],
  ['maxPool2d of an unbatched image', () => ops.maxPool2d(arange(4).reshape(1, 2, 2), 2), [[[3]]]],
  ['maxPool2d keeps what is not a number', () => ops.maxPool2d(tensor([[[[1, Number.NaN, 3, 2]]]]), [1, 2]), [[[[Number.NaN, 3]]]]],
  [
    'logSoftmax of equal values',
    () =>
      tensor([[0, 0]])
        .logSoftmax(1)
        .exp(),
    [[0.5, 0.5]],
  ],
  ['logSoftmax does not underflow', () => tensor([0, 1000]).logSoftmax(0), [-1000, 0]],
  [
    'clone has its own storage',
    () => {
      const x = tensor([1]);
      x.clone().zero_();
      return x;
    },
    [1],
  ],
  [
    'add_ broadcasts its operand',
    () =>
      arange(4)
        .reshape(2, 2)
        .add_(tensor([10, 20])),
    [
      [10, 21],
      [12, 23],
    ],
  ],
  ['add_ of a tensor to itself', () => arange(3).add_(arange(3)), [0, 2, 4]],
  ['sub_ and mul_ of numbers', () => arange(3).sub_(1).mul_(2), [-2, 0, 2]],
  ['fill_', () => arange(2).fill_(7), [7, 7]],
  [
    'copy_ broadcasts',
    () => ops.zeros([2, 2]).copy_(tensor([1, 2])),
    [
      [1, 2],
      [1, 2],
    ],
  ],
];

describe('operations', () => {
  onEveryBackend(() => {
    test.each(results)('%s', (_, compute, expected) => {
      expect(rounded(compute().tolist())).toEqual(rounded(expected));
    });

    test('draw random numbers that only depend on the seed', () => {
      ops.manualSeed(3);
      const first = ops.randn([2, 3]);
      const uniform = ops.rand([100]);
      ops.manualSeed(3);
      expect(ops.randn([2, 3]).tolist()).toEqual(first.tolist());
      expect(ops.rand([100]).tolist()).toEqual(uniform.tolist());
      expect(uniform.values.every((value) => value >= 0 && value < 1)).toBe(true);
    });
  });
});

/** Results of exp and log may differ from the expected values in the last bits. */
function rounded(value: ops.NestedArray): ops.NestedArray {
  return typeof value === 'number' ? Number(value.toPrecision(6)) + 0 : value.map(rounded);
}
