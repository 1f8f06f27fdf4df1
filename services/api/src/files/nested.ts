// Flat numbers as the nested lists that their shape says, for answers.
import type { NonFiniteNumbers } from '@trainyard/engine/spec';

export type Nested = readonly (number | null | Nested)[];

/**
 * @param values row-major, at least as many as the shape holds from `start` on
 * @param shape with at least one dimension
 * @param place that of the lists in the answer, under which what is not finite is noted
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
