// How a table is written: what separates its fields, and its decimals from its whole numbers. Found out from the first rows.
import { type Decimal, isNumber } from './cells.ts';
import { type Row, RowError, RowScanner } from './rows.ts';

const delimiters = [',', ';', '\t', '|'] as const;
const delimiterNames: Readonly<Record<string, string>> = { ',': 'a comma', ';': 'a semicolon', '\t': 'a tab', '|': 'a vertical bar' };

export const delimiterName = (delimiter: string): string => delimiterNames[delimiter] ?? JSON.stringify(delimiter);

const MOST_ROWS = 1_000;

/** The first rows of a text, as far as they can be read with this delimiter. */
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

/** How many fields most rows have. */
export function usualFields(rows: readonly Row[]): number {
  const counts = new Map<number, number>();
  for (const { fields } of rows) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0] ?? 0;
}

/** A number in either way of writing, or a text that no other delimiter is in. */
const isPlain = (field: string): boolean => isNumber(field, '.') || isNumber(field, ',') || !/[;\t|]/.test(field);

/** How well a delimiter explains the rows: the share of rows with the usual number of fields, and of fields that are plain. */
function fit(rows: readonly Row[]): number {
  const usual = usualFields(rows);
  if (usual < 2) return 0;
  const regular = rows.filter(({ fields }) => fields.length === usual);
  const fields = regular.flatMap((row) => row.fields.slice(0, 100));
  return regular.length / rows.length + fields.filter(isPlain).length / fields.length / 2;
}

/** The delimiter that explains the rows best: a comma if none does. */
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

/** What the decimals of the first rows' numbers begin with. */
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
    reason: points > 0 ? 'Numbers are written with a decimal point.' : 'No number of the first rows has a decimal comma.',
  };
}
