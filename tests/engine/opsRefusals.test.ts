// Tests that operations refuse invalid arguments. The error has the right code, and its message contains the values.
import * as ops from '@trainyard/engine';
import { arange, type Tensor, tensor } from '@trainyard/engine';
import { describe, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

const image = (height: number, width: number): Tensor => arange(height * width).reshape(1, 1, height, width);

type Refusal = readonly [name: string, compute: () => unknown, code: string, message: RegExp];

const refusals: readonly Refusal[] = [
  ['operands that do not broadcast', () => tensor([1, 2]).add(tensor([1, 2, 3])), 'shapeMismatch', /\[2\] and \[3\] do not broadcast/],
  ['a dimension out of range', () => tensor([1]).sum(1), 'invalidArgument', /dimension 1 is out of range/],
  ['a dimension given twice', () => tensor([[1]]).sum([0, -2]), 'invalidArgument', /twice/],
  ['a reshape to another size', () => arange(6).reshape(4), 'shapeMismatch', /\[6\] \(6 elements\) cannot be reshaped to \[4\]/],
  ['a reshape that -1 cannot fill', () => arange(6).reshape(4, -1), 'shapeMismatch', /cannot be reshaped/],
  ['a reshape with two free sizes', () => arange(6).reshape(-1, -1), 'shapeMismatch', /cannot be reshaped/],
  [
    'a permutation that leaves a dimension out',
    () => arange(6).reshape(2, 3).permute(0, 0),
    'invalidArgument',
    /each of the 2 dimensions once/,
  ],
  ['an expansion of a length that is not 1', () => arange(2).expand(3), 'shapeMismatch', /\[2\] cannot be expanded to \[3\]/],
  ['an expansion to fewer dimensions', () => ops.zeros([1, 2]).expand(2), 'shapeMismatch', /cannot be expanded/],
  ['matmul of sizes that differ', () => ops.zeros([2, 3]).matmul(ops.zeros([2, 3])), 'shapeMismatch', /3 columns.*2 rows/],
  ['matmul with a scalar', () => tensor(1).matmul(tensor([1])), 'shapeMismatch', /use mul/],
  ['mm of a vector', () => arange(2).mm(ops.zeros([2, 2])), 'shapeMismatch', /two matrices/],
  [
    'linear on other features',
    () => ops.linear(ops.zeros([2, 3]), ops.zeros([5, 4])),
    'shapeMismatch',
    /expects 4 input features.*\[2, 3\]/,
  ],
  [
    'linear with a bias of another length',
    () => ops.linear(ops.zeros([3]), ops.zeros([5, 3]), ops.zeros([3])),
    'shapeMismatch',
    /shape \[5\], got \[3\]/,
  ],
  [
    'conv2d on other channels',
    () => ops.conv2d(ops.zeros([1, 1, 5, 5]), ops.zeros([6, 3, 3, 3])),
    'shapeMismatch',
    /expects 3 input channels.*got 1/,
  ],
  [
    'a conv2d kernel larger than its input',
    () => ops.conv2d(ops.zeros([1, 1, 5, 5]), ops.zeros([1, 1, 7, 7])),
    'shapeMismatch',
    /kernel 7×7 does not fit its 5×5 input/,
  ],
  [
    'a conv2d stride of zero',
    () => ops.conv2d(image(3, 3), ops.zeros([1, 1, 1, 1]), null, { stride: 0 }),
    'invalidArgument',
    /stride.*at least 1, got 0×0/,
  ],
  [
    'a pooling window larger than its input',
    () => ops.maxPool2d(image(2, 2), 3),
    'shapeMismatch',
    /window of height 3 does not fit an input of height 2/,
  ],
  [
    'pooling padding above half the kernel',
    () => ops.maxPool2d(image(4, 4), 2, { padding: 2 }),
    'shapeMismatch',
    /padding 2 is more than half/,
  ],
  [
    'a dilated pooling window between the input',
    () => ops.maxPool2d(image(3, 3), 2, { padding: 1, dilation: 4, stride: 1 }),
    'shapeMismatch',
    /window 0 has no element/,
  ],
  ['pooling of a matrix', () => ops.maxPool2d(ops.zeros([2, 2]), 2), 'shapeMismatch', /\[channels, height, width\], got \[2, 2\]/],
  [
    'an in-place operand that is larger',
    () => arange(2).add_(ops.zeros([2, 2])),
    'shapeMismatch',
    /does not fit into a tensor of shape \[2\]/,
  ],
  ['arithmetic on indices', () => ops.indices([1, 2]).add(1), 'invalidArgument', /expected a floating-point tensor, got int32/],
  ['arange of a fraction', () => arange(1.5), 'invalidArgument', /whole number/],
];

describe('operations refuse', () => {
  onEveryBackend(() => {
    test.each(refusals)('%s', (_, compute, code, message) => {
      expectRefusal(compute, code, message);
    });
  });
});
