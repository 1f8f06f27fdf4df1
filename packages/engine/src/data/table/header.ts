// Whether the first row of a table holds the names of its columns, and what these are.
import { nameIn } from './cells.ts';
import { type ColumnKind, kindOf } from './columnStatistics.ts';
import type { Decimal } from './cells.ts';

/** What the first row is; `unsure` where it may be either. */
export type HeaderVerdict = { readonly verdict: 'names' | 'unsure'; readonly reason: string };

/**
 * Looks at the first row beside the kinds of the columns below it. It holds names for sure when it has a text over a column of numbers
 * and no number over any: years as names, or a row of data, are too easily taken for each other.
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

/** Names of columns as the first row has them; one without a name is called as pandas calls it. */
export const columnNames = (fields: readonly string[]): readonly string[] =>
  fields.map((field, i) => (field.trim() === '' ? `Unnamed: ${i}` : nameIn(field)));

/** Names of the columns of a table without names. */
export const numberedColumns = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `column${i + 1}`);

/** A name that more than one column has; undefined where all differ. */
export function repeatedName(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}
