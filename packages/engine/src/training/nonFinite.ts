// Represents numbers that are not finite in JSON, which has no such numbers: the number is null, and the field `nonFinite` of the same
// object has its name under its place. All stored, streamed and returned objects use this form. divergence.ts finds which number was the
// first.
import { z } from 'zod';

export const nonFiniteName = z.enum(['nan', 'inf', '-inf']);
export type NonFinite = z.infer<typeof nonFiniteName>;

/** Returns the name of a number that is not finite. */
export function nonFiniteOf(value: number): NonFinite {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}

/** The most numbers of one object that are named. The gradients of a large model that diverged may have many more. */
export const MOST_NAMED = 10_000;

/** Returns the schema of `nonFinite` for an object with lists of numbers. @param example examples of places, for the description */
export function nonFiniteSchema(example: string) {
  return z
    .record(z.string(), nonFiniteName)
    .optional()
    .describe(
      `For each number that is null because it was not finite: the value, under its place: ${example}. At most the first ${MOST_NAMED} numbers`,
    );
}

/** Collects the numbers of one object that are not finite. A place is a field's name, or a path to a number in a list: `after/3`. */
export class NonFiniteNumbers {
  readonly #names = new Map<string, NonFinite>();

  /** Returns the number if it is finite. Otherwise adds it and returns null. */
  finite(value: number, place: string): number | null {
    if (Number.isFinite(value)) return value;
    if (this.#names.size < MOST_NAMED) this.#names.set(place, nonFiniteOf(value));
    return null;
  }

  /**
   * Returns a list of `length` numbers from index `start` on, with null for each number that is not finite, and adds those numbers. The
   * place of a number is the place of the list and the number's index in the result.
   */
  list(values: ArrayLike<number>, place: string, start = 0, length = values.length - start): (number | null)[] {
    return Array.from({ length }, (_, i) => {
      const value = values[start + i];
      // Creating the text of a place is slow, and most numbers are finite.
      if (Number.isFinite(value)) return value;
      return this.#names.size < MOST_NAMED ? this.finite(value, `${place}/${i}`) : null;
    });
  }

  /** The field `nonFinite` for the object with the numbers. Empty if all numbers are finite. */
  get field(): { readonly nonFinite?: Record<string, NonFinite> } {
    return this.#names.size === 0 ? {} : { nonFinite: Object.fromEntries(this.#names) };
  }
}

/** Returns the numbers of an object. Numbers that are not finite become null and are named in `nonFinite`. */
export function finiteFields<Numbers extends Readonly<Record<string, number | null | undefined>>>(
  numbers: Numbers,
): { -readonly [Field in keyof Numbers]: number | null } & { nonFinite?: Partial<Record<keyof Numbers, NonFinite>> } {
  const found = new NonFiniteNumbers();
  const fields = Object.entries(numbers).map(([field, value]) => [field, typeof value === 'number' ? found.finite(value, field) : value]);
  return { ...Object.fromEntries(fields), ...found.field } as ReturnType<typeof finiteFields<Numbers>>;
}
