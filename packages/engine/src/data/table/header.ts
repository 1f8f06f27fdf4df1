// Decides whether the first row of a table has the names of the columns, and returns these names.
import { nameIn } from './cells.ts';
import { type ColumnKind, kindOf } from './columnStatistics.ts';
import type { Decimal } from './cells.ts';

/** The decision about the first row. `unsure`: it may be names or data. */
export type HeaderVerdict = { readonly verdict: 'names' | 'unsure'; readonly reason: string };

/**
 * Compares the first row with the kinds of the columns below it. It has names if there is a text above a column of numbers, dates or truth
 * values, and no number, date or truth value above any of these columns. Otherwise the row is unsure, because years as names look like a
 * row of data.
 */
export function judgeHeader(first: readonly string[], kinds: readonly (ColumnKind | null)[], decimal: Decimal): HeaderVerdict {
  const countable = first.flatMap((field, column) => {
    const below = kinds[column] ?? null;
    const own = kindOf(field, decimal);
    return below === null || below === 'category' || own === 'missing' ? [] : [{ field, isText: own === 'category' }];
  });
  const text = countable.find(({ isText }) => isText);
  const other = countable.find(({ isText }) => !isText);
  if (other !== undefined) {
    return { verdict: 'unsure', reason: `has ${JSON.stringify(other.field.trim())} over a column of such values` };
  }
  if (text === undefined) return { verdict: 'unsure', reason: 'holds texts, and so do all columns below it' };
  return {
    verdict: 'names',
    reason: `The first row has ${JSON.stringify(text.field.trim())} over a column of numbers, dates or truth values.`,
  };
}

/** Returns the names of the columns from the first row; a column without a name is called `Unnamed: <index>`, as in pandas. */
export const columnNames = (fields: readonly string[]): readonly string[] =>
  fields.map((field, i) => (field.trim() === '' ? `Unnamed: ${i}` : nameIn(field)));

/** Returns the names of the columns of a table without a row of names: `column1`, `column2`, … */
export const numberedColumns = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `column${i + 1}`);

/** Returns a name that several columns have, or undefined if all names are different. */
export function repeatedName(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}
