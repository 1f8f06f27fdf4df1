// Tests tensors as containers: how they are created, their properties, and refused arguments.
import {
  arange,
  fromFlat,
  full,
  Generator,
  indices,
  type NestedArray,
  ones,
  ReferenceBackend,
  rand,
  randn,
  Tensor,
  tensor,
  withBackend,
  zeros,
} from '@trainyard/engine';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backends, onEveryBackend } from '../support/backends.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

describe('a tensor', () => {
  onEveryBackend(() => {
    test('has the shape of its nested lists and can be converted back to them', () => {
      const nested = [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ];
      const x = tensor(nested);
      expect([x.shape, x.size, x.rank, x.tolist()]).toEqual([[2, 2, 2], 8, 3, nested]);
    });

    test('can be a scalar or empty', () => {
      expect([tensor(4).shape, tensor(4).tolist(), tensor(4).item()]).toEqual([[], 4, 4]);
      expect([tensor([]).shape, tensor([]).tolist(), tensor([[], []]).shape]).toEqual([[0], [], [2, 0]]);
    });

    test.each<[string, NestedArray]>([
      ['lists of different lengths', [[1, 2], [3]]],
      ['a number beside a list', [[1], 2]],
      ['a list beside a number', [1, [2]]],
    ])('is not made of %s', (_, nested) => {
      expectRefusal(() => tensor(nested), 'shapeMismatch', /expected a list/);
    });

    test('has item() only with one element', () => {
      expect(tensor([[3]]).item()).toBe(3);
      expect(() => tensor([1, 2]).item()).toThrow('shape [2]');
    });

    test('copies the flat list that it is made of', () => {
      const data = new Float32Array([1, 2]);
      const x = fromFlat(data, [2, 1]);
      data[0] = 9;
      expect(x.tolist()).toEqual([[1], [2]]);
      expectRefusal(() => fromFlat([1, 2, 3], [2]), 'shapeMismatch', /holds 2 elements, but 3/);
    });

    test('is made of counting, zeros, ones and any value', () => {
      expect(arange(3).tolist()).toEqual([0, 1, 2]);
      expect([zeros([2]).tolist(), ones([1, 2]).tolist(), full([], 7).tolist()]).toEqual([[0, 0], [[1, 1]], 7]);
    });

    test('shares its storage with detached and reshaped tensors, and not with kept and cloned ones', () => {
      const x = tensor([1, 2]);
      const [shared, copies] = [
        [x.detach(), x.data, x.reshape(2, 1)],
        [x.keep(), x.clone()],
      ];
      x.fill_(5);
      expect(shared.map((tensor) => tensor.storage[1])).toEqual([5, 5, 5]);
      expect(copies.map((tensor) => tensor.storage[1])).toEqual([2, 2]);
    });

    test('of indices is int32 and needs no gradients', () => {
      const targets = indices([3, 1]);
      expect([targets.dtype, targets.tolist(), targets.reshape(2, 1).shape]).toEqual(['int32', [3, 1], [2, 1]]);
      expectRefusal(() => targets.requiresGrad_(), 'invalidArgument', /only floating-point/);
    });

    test('that was computed cannot stop requiring gradients', () => {
      const y = tensor([1], { requiresGrad: true }).mul(2);
      expect([y.isLeaf, y.requiresGrad]).toEqual([false, true]);
      expect(() => y.requiresGrad_(false)).toThrow('detach()');
    });

    test('survives a change of the backend', () => {
      const x = tensor([1, 2]);
      withBackend(new ReferenceBackend({ dtype: 'float64' }), () => expect(x.tolist()).toEqual([1, 2]));
      expect(x.add(1).tolist()).toEqual([2, 3]);
    });

    test('can be converted back to any nested list', () => {
      const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
      fc.assert(
        fc.property(shapes, (shape) => {
          const x = fromFlat(
            Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
            shape,
          );
          // Nested lists do not contain the dimensions below an empty one.
          const end = shape.indexOf(0);
          expect(tensor(x.tolist()).shape).toEqual(end === -1 ? shape : shape.slice(0, end + 1));
          expect(tensor(x.tolist()).tolist()).toEqual(x.tolist());
        }),
      );
    });

    test('is drawn from the generator that is given', () => {
      const draw = (seed: number): NestedArray => [
        randn([3], { generator: new Generator(seed) }).tolist(),
        rand([20], { generator: new Generator(seed), requiresGrad: true }).tolist(),
      ];
      expect(draw(1)).toEqual(draw(1));
      expect(draw(1)).not.toEqual(draw(2));
    });
  });

  test.each(backends)('has the precision of its backend: $name', ({ make }) => {
    const backend = make();
    withBackend(backend, () => expect([tensor([0.1]).dtype, zeros([1]).dtype]).toEqual([backend.dtype, backend.dtype]));
  });

  test('refuses storage of another length', () => {
    expect(() => new Tensor(new Float32Array(3), [2])).toThrow('holds 2 elements, but 3 were given');
  });
});
