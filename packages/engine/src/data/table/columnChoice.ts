// Determines which columns of a table are inputs and which are targets, from the form's fields or by default.
import { nearest } from '../../validation.ts';
import type { UploadReport } from '../uploadReport.ts';
import { listed } from './wording.ts';

export interface ChoiceOptions {
  readonly targetColumn?: string | undefined;
  readonly targetColumns?: readonly string[] | undefined;
  /** The names of the columns to keep, or names with `!` before them to leave these columns out. */
  readonly columns?: readonly string[] | undefined;
}

export interface ColumnChoice {
  /** The indices of the input columns, in the order of the file. */
  readonly inputs: readonly number[];
  /** The indices of the target columns, in the order of the form. */
  readonly targets: readonly number[];
}

/** Chooses the columns. @returns undefined if there are faults. They are added to the report */
export function chooseColumns(names: readonly string[], options: ChoiceOptions, report: UploadReport): ColumnChoice | undefined {
  const indexOf = indices(names, report);
  const kept = keptColumns(names, options, indexOf);
  const targets = targetColumns(names, kept, options, indexOf, report);
  if (report.hasFaults) return undefined;
  const inputs = kept.filter((column) => !targets.includes(column));
  if (inputs.length === 0) {
    const field = options.columns === undefined ? 'targetColumns' : 'columns';
    report.fault({ part: field }, `${field}: no column is left as an input. The table has ${listed(names)}`);
    return undefined;
  }
  return { inputs, targets };
}

/** Returns a function that finds a column's index by its name. It reports names that do not exist. */
function indices(names: readonly string[], report: UploadReport): (field: string, name: string) => number {
  const known = new Map(names.map((name, i) => [name, i]));
  return (field, name) => {
    const index = known.get(name.trim().normalize('NFC'));
    if (index !== undefined) return index;
    const near = names.length > 1_000 ? null : nearest(name, names);
    const hint = near === null ? '' : ` did you mean ${JSON.stringify(near)}?`;
    report.fault(
      { part: field },
      `${field}: there is no column ${JSON.stringify(name)}:${hint === '' ? ' the' : `${hint} The`} table has ${listed(names)}`,
      'unknownColumn',
    );
    return -1;
  };
}

function keptColumns(
  names: readonly string[],
  { columns }: ChoiceOptions,
  indexOf: (field: string, name: string) => number,
): readonly number[] {
  const all = [...names.keys()];
  if (columns === undefined) return all;
  const dropped = columns.filter((name) => name.startsWith('!')).map((name) => indexOf('columns', name.slice(1)));
  const kept = columns.filter((name) => !name.startsWith('!')).map((name) => indexOf('columns', name));
  return all.filter((column) => !dropped.includes(column) && (kept.length === 0 || kept.includes(column)));
}

function targetColumns(
  names: readonly string[],
  kept: readonly number[],
  { targetColumn, targetColumns: several, columns = [] }: ChoiceOptions,
  indexOf: (field: string, name: string) => number,
  report: UploadReport,
): readonly number[] {
  if (targetColumn !== undefined && several !== undefined) {
    report.fault({ part: 'targetColumns' }, 'targetColumns: send targetColumn for one column or targetColumns for several, not both');
    return [];
  }
  if (several !== undefined) {
    const repeated = several.find((name, i) => several.indexOf(name) !== i);
    if (repeated !== undefined) report.fault({ part: 'targetColumns' }, `targetColumns: names ${JSON.stringify(repeated)} twice`);
    return several.map((name) => indexOf('targetColumns', name));
  }
  if (targetColumn !== undefined) return [indexOf('targetColumn', targetColumn)];
  // If the form names the columns to keep, they are the inputs. If it names the columns to leave out, none of these can be the target.
  const isByName = columns.some((name) => !name.startsWith('!'));
  const last = isByName ? names.length - 1 : (kept.at(-1) ?? names.length - 1);
  report.choice('targetColumn', names[last], `It is the last column.${likelierTarget(names, kept, last)}`);
  return [last];
}

/** Usual names of a target column. */
const targetName = /^(labels?|targets?|class|classes|y|outcome|species|diagnosis|survived)$/i;

/**
 * Returns a hint if exactly one column has a usual name for the column to learn, and this is not the last column. Otherwise returns ''.
 */
function likelierTarget(names: readonly string[], kept: readonly number[], last: number): string {
  const named = kept.map((column) => names[column]).filter((name) => targetName.test(name));
  if (named.length !== 1 || targetName.test(names[last])) return '';
  return ` If the column to learn is ${JSON.stringify(named[0])}, send targetColumn=${named[0]}.`;
}
