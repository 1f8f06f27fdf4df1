// Decides how each column of a training file is prepared: its kind, its categories and the replacement of missing values. Reports decisions
// that the user should know.
import type { UploadReport } from '../uploadReport.ts';
import { isForeignDate, isMissing } from './cells.ts';
import type { ColumnStatistics } from './columnStatistics.ts';
import type { PreparedColumn } from './preparation.ts';
import { sortedNames } from './targets.ts';
import { counted, quoted, withoutColumns } from './wording.ts';

export type Missing = 'error' | 'drop' | 'mean';

/** The maximum number of different texts of a column. Each text becomes an input. */
export const MOST_CATEGORIES = 1_000;
/** The maximum number of columns that are reported one by one. */
const MOST_REPORTED = 50;

/** If a text column becomes more inputs than this, the note about it explains how to leave the column out. */
const MANY_CATEGORIES = 100;
/** Up to this many unreadable fields of a column are only reported one by one. If there are more, the whole column is reported too. */
const MOST_MISTAKES = 5;

const indexNames = /^([Uu]nnamed: \d+|index|id|row|row_?(id|number|index)|.*[_ ]id|\w+Id)$/;

/** The form fields about columns. */
export interface ColumnOptions {
  readonly missing?: Missing | undefined;
  readonly columns?: readonly string[] | undefined;
}

/** Decides how a column is prepared. @returns undefined if the column cannot be an input. This is reported as a fault */
export function prepareColumn(
  file: string,
  name: string,
  statistics: ColumnStatistics,
  { missing = 'error', columns }: ColumnOptions,
  report: UploadReport,
): PreparedColumn | undefined {
  const { kind } = statistics;
  const dropped = `${withoutColumns([name], columns)} leaves it out`;
  const place = { part: file, column: name };
  if (kind === null) {
    report.fault(place, `${file}: column ${JSON.stringify(name)} holds no value: ${dropped}`, 'missingValue');
    return undefined;
  }
  if (kind !== 'category') return { name, kind, ...(missing === 'mean' && { fill: statistics.mean }) };
  const categories = sortedNames([...statistics.names.keys()].filter((text) => !isMissing(text)));
  if (categories.length > MOST_CATEGORIES) {
    report.fault(place, `${file}: column ${JSON.stringify(name)} has more than ${MOST_CATEGORIES} different texts: ${dropped}`, 'tooBig');
    return undefined;
  }
  return { name, kind, categories, ...(missing === 'mean' && { fill: statistics.mostFrequentName ?? '' }) };
}

/** Reports the columns that look like an index, and the columns that are not numbers. */
export function reportColumns(
  columns: readonly PreparedColumn[],
  statistics: readonly ColumnStatistics[],
  sent: readonly string[] | undefined,
  report: UploadReport,
): void {
  const notes = columns.flatMap((column, i) => {
    const note = noteOn(column, statistics[i], sent);
    return note === null ? [] : [{ name: column.name, note }];
  });
  for (const { name, note } of notes.slice(0, MOST_REPORTED)) report.choice('columns', name, note);
  const others = notes.slice(MOST_REPORTED).map(({ name }) => name);
  if (others.length > 0) report.choice('columns', others.slice(0, MOST_REPORTED), `The same applies to ${others.length} more columns.`);
}

/** Reports one fault that names all columns with many unreadable fields, and the form field that leaves these columns out. */
export function reportMixedColumns(
  file: string,
  columns: readonly { readonly name: string; readonly statistics: ColumnStatistics }[],
  sent: readonly string[] | undefined,
  report: UploadReport,
): void {
  const mixed = columns.filter(({ statistics: { kind, unreadable } }) => kind !== 'category' && unreadable.count > MOST_MISTAKES);
  if (mixed.length === 0) return;
  const shown = mixed.slice(0, MOST_REPORTED).map(({ name, statistics: { kind, unreadable } }) => {
    const wanted = kind === 'date' ? 'dates' : kind === 'boolean' ? 'true or false' : 'numbers';
    return `column ${JSON.stringify(name)} has ${counted(unreadable.count, 'value')} that cannot be read as ${wanted}, such as ${quoted(unreadable.first)}`;
  });
  const names = mixed.map(({ name }) => name);
  const remedy = `correct them, or send ${withoutColumns(names, sent)} to leave the ${names.length === 1 ? 'column' : 'columns'} out`;
  report.fault({ part: 'columns' }, `${file}: ${shown.join('; ')}: ${remedy}`);
}

function noteOn(
  { name, kind, categories = [] }: PreparedColumn,
  statistics: ColumnStatistics,
  sent: readonly string[] | undefined,
): string | null {
  const drop = `${withoutColumns([name], sent)} leaves it out.`;
  switch (kind) {
    case 'category':
      if (statistics.rows >= 10 && categories.length === statistics.present) {
        return `It has a different text in each row and became ${categories.length} inputs; ${drop}`;
      }
      if (categories.length > MANY_CATEGORIES) {
        return `It holds ${categories.length} different texts in ${statistics.rows} rows and became ${categories.length} inputs (one-hot); ${drop}`;
      }
      if (categories.length > 1 && categories.every(isForeignDate)) {
        return `It holds dates or times that are not ISO dates such as 2024-01-31. They were read as text and became ${categories.length} inputs (one-hot); ${drop}`;
      }
      return `It holds text and became ${counted(categories.length, 'input')}, one for each different text (one-hot).`;
    case 'boolean':
      return 'It holds true and false, which became 1 and 0.';
    case 'date':
      return 'It holds dates, which became days since 1970-01-01.';
    default:
      if (statistics.countsRows && statistics.rows >= 3) return `It counts the rows as an index does, and is an input; ${drop}`;
      return indexNames.test(name) || name.toLowerCase() === 'id' ? `It is named like an index, and is an input; ${drop}` : null;
  }
}
