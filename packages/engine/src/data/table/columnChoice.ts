// Which columns of a table are inputs and which are to be learned, as the form says it or by default.
import { nearest } from '../../validation.ts';
import type { UploadReport } from '../uploadReport.ts';
import { listed } from './wording.ts';

export interface ChoiceOptions {
  readonly targetColumn?: string | undefined;
  readonly targetColumns?: readonly string[] | undefined;
  /** Names to keep, or names with `!` before them to leave out. */
  readonly columns?: readonly string[] | undefined;
}

export interface ColumnChoice {
  /** Indices of the inputs' columns, in the order of the file. */
  readonly inputs: readonly number[];
  /** Indices of the columns to learn, in the order of the form. */
  readonly targets: readonly number[];
}

/** @returns undefined where there are faults, which it reports */
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

/** Looks names up, and reports those that are not there. */
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
  // Columns that are kept by name are inputs; columns that are left out cannot be the one to learn.
  const isByName = columns.some((name) => !name.startsWith('!'));
  const last = isByName ? names.length - 1 : (kept.at(-1) ?? names.length - 1);
  report.take('targetColumn', names[last], `It is the last column.${likelierTarget(names, kept, last)}`);
  return [last];
}

/** Usual names for the column to learn. */
const targetName = /^(labels?|targets?|class|classes|y|outcome|species|diagnosis|survived)$/i;

/**
 * Returns a hint if exactly one column has a usual name for the column to learn, and this is not the last column. Otherwise returns ''.
 */
function likelierTarget(names: readonly string[], kept: readonly number[], last: number): string {
  const named = kept.map((column) => names[column]).filter((name) => targetName.test(name));
  if (named.length !== 1 || targetName.test(names[last])) return '';
  return ` If the column to learn is ${JSON.stringify(named[0])}, send targetColumn=${named[0]}.`;
}
