// Tests how numbers that are not finite are written in JSON.
import { NonFiniteNumbers } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';

describe('numbers that are not finite', () => {
  test('are null, and their names are listed with their positions', () => {
    const found = new NonFiniteNumbers();
    expect(found.field).toEqual({});
    expect([found.finite(1, 'norm'), found.finite(NaN, 'mean')]).toEqual([1, null]);
    expect(found.list([0, Infinity, 2, -Infinity], 'after', 1, 3)).toEqual([null, 2, null]);
    expect(found.field).toEqual({ nonFinite: { mean: 'nan', 'after/0': 'inf', 'after/2': '-inf' } });
  });

  test('are listed with their names, but at most ten thousand', () => {
    const found = new NonFiniteNumbers();
    expect(found.list(new Float32Array(20_000).fill(NaN), 'weights')).toEqual(Array.from({ length: 20_000 }, () => null));
    expect(found.finite(NaN, 'last')).toBeNull();
    const names = Object.keys(found.field.nonFinite ?? {});
    expect([names.length, names.at(-1)]).toEqual([10_000, 'weights/9999']);
  });
});
