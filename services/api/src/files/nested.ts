// Flat numbers as the nested lists that their shape says, for answers; and what is no number as null, which JSON has for it.
export type Nested = number | null | readonly Nested[];

/** @param values row-major, at least as many as the shape holds from `offset` on */
export function nested(values: ArrayLike<number>, shape: readonly number[], offset = 0): Nested {
  const [length, ...inner] = shape;
  if (length === undefined) {
    const value = values[offset] ?? NaN;
    return Number.isFinite(value) ? value : null;
  }
  const size = inner.reduce((product, side) => product * side, 1);
  return Array.from({ length }, (_, i) => nested(values, inner, offset + i * size));
}
