// How a number that is not finite travels in JSON, which has none: as null, with what it was beside it, in `nonFinite` under its
// place. One definition for everything that is stored, told or answered. Which number went wrong first is divergence.ts's.
import { z } from 'zod';

export const nonFiniteName = z.enum(['nan', 'inf', '-inf']);
export type NonFinite = z.infer<typeof nonFiniteName>;

/** The name of a number that JSON cannot carry. */
export function nonFiniteOf(value: number): NonFinite {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}

/** Numbers of one object that are named; of more, as those of a large model that diverged, nobody reads each. */
export const MOST_NAMED = 10_000;

/** The `nonFinite` of an object that holds numbers in lists. @param example a place, and what it is the place of */
export function nonFiniteSchema(example: string) {
  return z
    .record(z.string(), nonFiniteName)
    .optional()
    .describe(
      `For each number that is null because it was not finite: which one it was, under its place: ${example}. Of more than ${MOST_NAMED} the first`,
    );
}

/** Of the numbers of one object, those that are not finite. A place is a field's name, or the way to a number in lists: `after/3`. */
export class NonFiniteNumbers {
  readonly #names = new Map<string, NonFinite>();

  /** The number, or null for one that is noted. */
  finite(value: number, place: string): number | null {
    if (Number.isFinite(value)) return value;
    if (this.#names.size < MOST_NAMED) this.#names.set(place, nonFiniteOf(value));
    return null;
  }

  /** The same for `length` numbers from `start` on; those of a list have its place before their index. */
  list(values: ArrayLike<number>, place: string, start = 0, length = values.length - start): (number | null)[] {
    return Array.from({ length }, (_, i) => {
      const value = values[start + i];
      // Places are long to write, and most numbers need none.
      if (Number.isFinite(value)) return value;
      return this.#names.size < MOST_NAMED ? this.finite(value, `${place}/${i}`) : null;
    });
  }

  /** For the object that the numbers are in; nothing where all are finite. */
  get beside(): { readonly nonFinite?: Record<string, NonFinite> } {
    return this.#names.size === 0 ? {} : { nonFinite: Object.fromEntries(this.#names) };
  }
}

/** An object's numbers with those that are not finite set to null and named in `nonFinite`. */
export function finiteFields<Field extends string>(
  numbers: Readonly<Record<Field, number | null>>,
): Record<Field, number | null> & { nonFinite?: Partial<Record<Field, NonFinite>> } {
  const found = new NonFiniteNumbers();
  const fields = Object.entries<number | null>(numbers).map(([field, value]) => [
    field,
    value === null ? null : found.finite(value, field),
  ]);
  return { ...Object.fromEntries(fields), ...found.beside } as ReturnType<typeof finiteFields<Field>>;
}
