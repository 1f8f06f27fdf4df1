// Prepares rows of a table for a prediction, in the same way as the rows of the training file.
import type { NamedBytes } from '../files.ts';
import { Breather } from '../limits.ts';
import { UploadReport } from '../uploadReport.ts';
import { mostProblems } from '../../errors.ts';
import { pointer, show } from '../../validation.ts';
import { ColumnEncoder } from './columnEncoder.ts';
import { columnNames } from './header.ts';
import { inputsOf, type TablePreparation } from './preparation.ts';
import type { Decimal } from './cells.ts';
import type { Row } from './rows.ts';
import { TableText } from './tableText.ts';
import { counted, listed } from './wording.ts';

/** A problem in the rows of a request. */
export interface RowProblem {
  /** JSON pointer: `/rows/0/city`. */
  readonly path: string;
  readonly message: string;
  readonly code: string;
}

/** A text that the training file did not have. Its inputs are zeros. */
export interface UnknownCategory {
  /** The index of the row, from 0. */
  readonly row: number;
  readonly column: string;
  readonly value: string;
}

export type PreparedRows =
  | { readonly ok: true; readonly values: Float32Array; readonly unknownCategories: readonly UnknownCategory[] }
  | { readonly ok: false; readonly problems: readonly RowProblem[] };

/** A value of a row in JSON. */
export type Cell = string | number | boolean | null;

/** The fields of each row, in the order of the table's columns. */
interface Fields {
  readonly rows: readonly (readonly string[])[];
  readonly decimal: Decimal;
}

/**
 * Prepares rows that are objects: `{"city": "Oslo", "rooms": 3}`. Each row must have exactly the input columns. null is a missing value.
 * Pauses now and then so that the event loop can do other work, and stops after 100 problems.
 */
export async function prepareRows(table: TablePreparation, rows: readonly unknown[]): Promise<PreparedRows> {
  const problems: RowProblem[] = [];
  const names = table.columns.map(({ name }) => name);
  const known = new Set(names);
  const breather = new Breather({});
  const fields: string[][] = [];
  for (const [i, row] of rows.entries()) {
    await breather.breathe();
    if (isObject(row)) fields.push(fieldsOf(row, i, { names, known }, problems));
    else problems.push({ path: pointer(['rows', i]), message: `expected an object, got ${show(row)}`, code: 'invalidType' });
    if (problems.length >= mostProblems) break;
  }
  return problems.length > 0 ? refusedFor(problems) : await encoded(table, { rows: fields, decimal: '.' });
}

const refusedFor = (problems: readonly RowProblem[]): PreparedRows => ({ ok: false, problems: problems.slice(0, mostProblems) });

const isCell = (value: unknown): value is Cell => value === null || ['string', 'number', 'boolean'].includes(typeof value);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns the fields of a row in the order of the columns. Mistakes in the row are added to `problems`. */
function fieldsOf(
  row: Readonly<Record<string, unknown>>,
  index: number,
  { names, known }: { readonly names: readonly string[]; readonly known: ReadonlySet<string> },
  problems: RowProblem[],
): string[] {
  const problem = (name: string, message: string, code: string): void => {
    problems.push({ path: pointer(['rows', index, name]), message, code });
  };
  for (const name of Object.keys(row)) {
    if (problems.length >= mostProblems) return [];
    if (!known.has(name)) problem(name, `there is no column ${show(name)}: the columns are ${listed(names)}`, 'unknownField');
  }
  return names.map((name) => {
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    if (isCell(value)) return value === null ? '' : String(value);
    if (problems.length >= mostProblems) return '';
    if (value === undefined) problem(name, `column ${show(name)} is missing: send null if it has no value`, 'required');
    else problem(name, `column ${show(name)} must be a number, a text, true, false or null, got ${show(value)}`, 'invalidType');
    return '';
  });
}

/** The maximum number of characters that are searched for the delimiter. The limit is low because the search blocks the event loop. */
const SAMPLE_CHARACTERS = 128 * 1024;

/**
 * Prepares rows that are delimiter-separated text, like the training file. They must have a row of names if the training file had one.
 * @param most the maximum number of rows
 * @throws DataFormatError if the text cannot be split into rows and fields
 */
export async function prepareCsv(table: TablePreparation, file: NamedBytes, most: number): Promise<PreparedRows> {
  const text = new TableText(file, { sampleCharacters: SAMPLE_CHARACTERS }, new UploadReport());
  const breather = new Breather({});
  const rows: Row[] = [];
  for await (const row of text.rows(breather)) {
    rows.push(row);
    if (rows.length > most + 1) break;
  }
  await breather.breathe();
  const names = table.columns.map(({ name }) => name);
  const [first, ...others] = rows;
  const data = table.header ? others : rows;
  const refused = (message: string, code: string): PreparedRows => ({ ok: false, problems: [{ path: '', message, code }] });
  if (first === undefined || data.length === 0) return refused('there is no row to predict', 'required');
  if (data.length > most) return refused(`there are more than ${counted(most, 'row')}`, 'tooBig');
  const found = table.header ? columnNames(first.fields) : names;
  // If two columns have the same name, the first one is used.
  const placeOf = new Map(found.map((name, place) => [name, place] as const).toReversed());
  const known = new Set(names);
  const lacking = names.filter((name) => !placeOf.has(name));
  const strange = found.filter((name) => !known.has(name));
  if (lacking.length > 0 || strange.length > 0 || (!table.header && first.fields.length !== names.length)) {
    const differences = [
      ...(lacking.length > 0 ? [`missing are ${listed(lacking)}`] : []),
      ...(strange.length > 0 ? [`unknown are ${listed(strange)}`] : []),
    ].join('; ');
    return refused(`the columns are not the input columns ${listed(names)}${differences === '' ? '' : `: ${differences}`}`, 'otherColumns');
  }
  const ragged = data.find(({ fields }) => fields.length !== first.fields.length);
  if (ragged !== undefined)
    return refused(
      `row ${ragged.number} has ${counted(ragged.fields.length, 'field')}, but there are ${counted(first.fields.length, 'column')}`,
      'invalidRow',
    );
  const places = names.map((name) => placeOf.get(name) ?? -1);
  return await encoded(table, { rows: data.map(({ fields }) => places.map((place) => fields[place])), decimal: text.decimal });
}

async function encoded(table: TablePreparation, { rows, decimal }: Fields): Promise<PreparedRows> {
  const encoders = table.columns.map((column) => new ColumnEncoder(column, decimal));
  const width = inputsOf(table);
  const values = new Float32Array(rows.length * width);
  const problems: RowProblem[] = [];
  const unknownCategories: UnknownCategory[] = [];
  const breather = new Breather({});
  for (const [row, fields] of rows.entries()) {
    await breather.breathe();
    if (problems.length >= mostProblems) break;
    let offset = row * width;
    for (const [i, encoder] of encoders.entries()) {
      const { name } = encoder.column;
      const outcome = encoder.write(fields[i], values, offset);
      offset += encoder.width;
      if (outcome === 'written') continue;
      const path = pointer(['rows', row, name]);
      if (outcome === 'unknownCategory') unknownCategories.push({ row, column: name, value: fields[i] });
      else if (outcome === 'missing')
        problems.push({
          path,
          message: `column ${JSON.stringify(name)} has no value, and the dataset was uploaded without missing=mean`,
          code: 'missingValue',
        });
      else problems.push({ path, message: `column ${JSON.stringify(name)} ${outcome.found}${outcome.remedy}`, code: 'invalidValue' });
    }
  }
  return problems.length > 0 ? refusedFor(problems) : { ok: true, values, unknownCategories };
}
