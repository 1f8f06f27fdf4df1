// Tests that tensors print exactly like those of PyTorch 2.15. The expected texts are its output. Only the names of the types float64 and
// int32 differ.

import { inspect } from 'node:util';
import {
  arange,
  formatTensor,
  fromFlat,
  indices,
  Linear,
  type NestedArray,
  noGrad,
  ReferenceBackend,
  type Tensor,
  tensor,
  withBackend,
  zeros,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';

const float32 = new ReferenceBackend();
const float64 = new ReferenceBackend({ dtype: 'float64' });

/** Removes leading newlines and the indentation of this file from an expected text. */
const block = (text: string): string => text.trim().replaceAll(/^ {6}/gm, '');

describe('printing', () => {
  const values: readonly (readonly [string, NestedArray, string])[] = [
    ['zeros', [0, 0, 0], 'tensor([0., 0., 0.])'],
    ['a scalar', 0.79468, 'tensor(0.7947)'],
    ['a whole number', 3, 'tensor(3.)'],
    ['negative zero', [-0, 1], 'tensor([-0., 1.])'],
    [
      'rows with aligned columns',
      [
        [1.5, -2.25],
        [10, 0.125],
      ],
      'tensor([[ 1.5000, -2.2500],\n        [10.0000,  0.1250]])',
    ],
    ['whole numbers of different lengths', [1, -20, 300], 'tensor([  1., -20., 300.])'],
    ['ties, rounded to the even digit', [0.03125, 0.09375, -0.15625], 'tensor([ 0.0312,  0.0938, -0.1562])'],
    ['a ratio above 1000 in scientific notation', [0.5, 600], 'tensor([5.0000e-01, 6.0000e+02])'],
    ['ties in scientific notation', [100005, 1000.15, 1], 'tensor([1.0000e+05, 1.0002e+03, 1.0000e+00])'],
    ['whole numbers up to 10^8', [100000000], 'tensor([100000000.])'],
    ['larger ones in scientific notation', [200000000], 'tensor([2.0000e+08])'],
    ['values below 10^-4 in scientific notation', [0.00001, 0.00002], 'tensor([1.0000e-05, 2.0000e-05])'],
    ['what is not a number among whole numbers', [Number.NaN, 1, -10], 'tensor([ nan,   1., -10.])'],
    ['infinities among fractions', [Infinity, -Infinity, 0.5], 'tensor([   inf,   -inf, 0.5000])'],
    ['nothing but special values', [Number.NaN, Infinity, 0], 'tensor([nan, inf, 0.])'],
    ['special values in scientific notation', [Number.NaN, Infinity, 0.00001], 'tensor([       nan,        inf, 1.0000e-05])'],
    ['an empty vector', [], 'tensor([])'],
    ['other empty tensors with their size', [[], []], 'tensor([], size=(2, 0))'],
  ];
  test.each(values)('writes %s', (_, value, text) => {
    expect(withBackend(float32, () => String(tensor(value)))).toBe(text);
  });

  const texts: readonly (readonly [string, () => Tensor, string])[] = [
    [
      'three dimensions with an empty line between matrices',
      () => arange(24).reshape(2, 3, 4),
      `
      tensor([[[ 0.,  1.,  2.,  3.],
               [ 4.,  5.,  6.,  7.],
               [ 8.,  9., 10., 11.]],

              [[12., 13., 14., 15.],
               [16., 17., 18., 19.],
               [20., 21., 22., 23.]]])`,
    ],
    [
      'four dimensions',
      () => arange(16).reshape(2, 2, 2, 2),
      `
      tensor([[[[ 0.,  1.],
                [ 2.,  3.]],

               [[ 4.,  5.],
                [ 6.,  7.]]],


              [[[ 8.,  9.],
                [10., 11.]],

               [[12., 13.],
                [14., 15.]]]])`,
    ],
    [
      'long rows in lines of 80 characters',
      () => arange(30),
      `
      tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,
              14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,
              28., 29.])`,
    ],
    ['the ends of more than 1000 elements', () => arange(1001), 'tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])'],
    [
      'the ends of rows and columns, in a format that only they decide',
      () => arange(1200).reshape(12, 100),
      `
      tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,
               9.9000e+01],
              [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,
               1.9900e+02],
              [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,
               2.9900e+02],
              ...,
              [9.0000e+02, 9.0100e+02, 9.0200e+02,  ..., 9.9700e+02, 9.9800e+02,
               9.9900e+02],
              [1.0000e+03, 1.0010e+03, 1.0020e+03,  ..., 1.0970e+03, 1.0980e+03,
               1.0990e+03],
              [1.1000e+03, 1.1010e+03, 1.1020e+03,  ..., 1.1970e+03, 1.1980e+03,
               1.1990e+03]])`,
    ],
    ['a leaf that requires gradients', () => zeros([2], { requiresGrad: true }), 'tensor([0., 0.], requires_grad=True)'],
    ['the node that computed it', () => tensor(0.79468, { requiresGrad: true }).clone(), 'tensor(0.7947, grad_fn=<CloneBackward0>)'],
    ['no node inside noGrad', () => noGrad(() => tensor([1], { requiresGrad: true }).mul(2)), 'tensor([2.])'],
    [
      'a suffix that no longer fits into the line below it',
      () => zeros([13], { requiresGrad: true }).clone(),
      `
      tensor([0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.],
             grad_fn=<CloneBackward0>)`,
    ],
    ['whole indices without a point', () => indices([1, 22, -3]), 'tensor([ 1, 22, -3])'],
    ['the type of no indices', () => indices([]), 'tensor([], dtype=int32)'],
    ['the type float64', () => withBackend(float64, () => fromFlat([1, 2], [2])), 'tensor([1., 2.], dtype=float64)'],
  ];
  test.each(texts)('writes %s', (_, make, text) => {
    expect(withBackend(float32, () => formatTensor(make()))).toBe(block(text));
  });

  test('shows that a tensor is a parameter', () => {
    const x = withBackend(float32, () => new Linear(1, 2).bias ?? expect.fail('there is no bias'));
    x.values.fill(0.5);
    const text = 'Parameter containing:\ntensor([0.5000, 0.5000], requires_grad=True)';
    expect([String(x), inspect(x)]).toEqual([text, text]);
    expect(String(x.detach())).toBe('tensor([0.5000, 0.5000])');
  });

  test('is what String() and console.log show', () => {
    const x = withBackend(float32, () => tensor([1, 2]));
    expect([String(x), inspect(x)]).toEqual(['tensor([1., 2.])', 'tensor([1., 2.])']);
  });
});
