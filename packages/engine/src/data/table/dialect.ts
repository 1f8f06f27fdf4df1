// Finds a table's delimiter and decimal sign from its first rows.
import { type Decimal, isNumber } from './cells.ts';
import { type Row, RowError, RowScanner } from './rows.ts';

const delimiters = [',', ';', '\t', '|'] as const;
const delimiterNames: Readonly<Record<string, string>> = { ',': 'a comma', ';': 'a semicolon', '\t': 'a tab', '|': 'a vertical bar' };

export const delimiterName = (delimiter: string): string => delimiterNames[delimiter] ?? JSON.stringify(delimiter);

const MOST_ROWS = 1_000;

/** Returns the first rows of a text. Stops at a row that cannot be read with this delimiter. */
export function firstRows(text: string, delimiter: string, isWhole: boolean): readonly Row[] {
  const rows: Row[] = [];
  try {
    for (const row of new RowScanner('', delimiter).scan(text, isWhole)) {
      rows.push(row);
      if (rows.length === MOST_ROWS) break;
    }
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
  }
  return rows;
}

/** Returns the most frequent number of fields in a row. */
export function usualFields(rows: readonly Row[]): number {
  const counts = new Map<number, number>();
  for (const { fields } of rows) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0] ?? 0;
}

/** Returns whether a field is a number with a decimal point or comma, or a text without semicolons, tabs and vertical bars. */
const isPlain = (field: string): boolean => isNumber(field, '.') || isNumber(field, ',') || !/[;\t|]/.test(field);

/** Rates how well a delimiter fits: by the share of rows with the most frequent number of fields, and by the share of plain fields. */
function fit(rows: readonly Row[]): number {
  const usual = usualFields(rows);
  if (usual < 2) return 0;
  const regular = rows.filter(({ fields }) => fields.length === usual);
  const fields = regular.flatMap((row) => row.fields.slice(0, 100));
  return regular.length / rows.length + fields.filter(isPlain).length / fields.length / 2;
}

/** Returns the delimiter that fits the rows best, or a comma if none fits. */
export function findDelimiter(text: string, isWhole: boolean): { readonly delimiter: string; readonly reason: string } {
  const fits = delimiters.map((delimiter) => ({ delimiter, rows: firstRows(text, delimiter, isWhole) }));
  const scored = fits.map(({ delimiter, rows }) => ({ delimiter, rows, score: fit(rows) })).toSorted((a, b) => b.score - a.score);
  const [{ delimiter, rows, score }] = scored;
  if (score === 0) return { delimiter: ',', reason: 'No other delimiter splits the rows into fields.' };
  return { delimiter, reason: `With ${delimiterName(delimiter)} most rows have ${usualFields(rows)} fields.` };
}

const commaDecimal = /^\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*$/;
const pointDecimal = /^\s*[-+]?\d*\.\d+([eE][-+]?\d+)?\s*$/;
const thousands = /^\s*[-+]?\d{1,3}(,\d{3})+\s*$/;

/** Returns the decimal sign of the numbers in the first rows. */
export function findDecimal(rows: readonly Row[], delimiter: string): { readonly decimal: Decimal; readonly reason: string } {
  const fields = rows.flatMap((row) => row.fields);
  const commas = fields.filter((field) => commaDecimal.test(field));
  const points = fields.filter((field) => pointDecimal.test(field)).length;
  const areThousands = delimiter === ',' && commas.every((field) => thousands.test(field));
  if (commas.length > points && !areThousands) {
    return { decimal: ',', reason: `Numbers are written with a decimal comma, such as ${commas[0].trim()}.` };
  }
  return {
    decimal: '.',
    reason: points > 0 ? 'Numbers are written with a decimal point.' : 'No number in the first rows has a decimal comma.',
  };
}
