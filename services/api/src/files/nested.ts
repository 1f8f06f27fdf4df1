// Converts a flat array to nested lists of a given shape, for JSON responses.
import type { NonFiniteNumbers } from '@trainyard/engine/spec';

export type Nested = readonly (number | null | Nested)[];

/**
 * Returns the numbers of an array as nested lists.
 * @param values the numbers in row-major order, from index `start`
 * @param shape the shape of the lists, with at least one dimension
 * @param place the path of the lists in the response, such as `outputs`. Numbers that are not finite are recorded with it
 * @param nonFinite collects the numbers that are not finite, because JSON has no such numbers
 */
export function nested(
  values: ArrayLike<number>,
  [length = 0, ...inner]: readonly number[],
  place: string,
  nonFinite: NonFiniteNumbers,
  start = 0,
): Nested {
  if (inner.length === 0) return nonFinite.list(values, place, start, length);
  const size = inner.reduce((product, side) => product * side, 1);
  return Array.from({ length }, (_, i) => nested(values, inner, `${place}/${i}`, nonFinite, start + i * size));
}
