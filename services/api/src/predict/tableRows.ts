// Rows of a table as the body of a prediction: JSON or CSV, prepared as the dataset was.
import { DataFormatError, type JobSpec, prepareCsv, type PreparedRows, prepareRows, type TablePreparation } from '@trainyard/engine';
import { invalidRequest } from '../http/parameters.ts';
import { ProblemError } from '../problems.ts';
import type { PredictInput } from './messages.ts';

/** @throws ProblemError 422 for a job whose data is no table */
export function tableOf({ data }: JobSpec): TablePreparation {
  const table = 'content' in data ? data.content.table : undefined;
  if (table !== undefined) return table;
  const message = "the job's data is not a table: send inputs";
  throw new ProblemError('invalidRequest', `rows: ${message}.`, { issues: [{ path: '/rows', message, code: 'invalidValue' }] });
}

/** @throws ProblemError 422 that names every place that is wrong */
export async function rowsInput(table: TablePreparation, rows: readonly unknown[]): Promise<PredictInput> {
  return inputOf(await prepareRows(table, rows));
}

/** @throws ProblemError 422 that names every place that is wrong */
export async function csvInput(table: TablePreparation, bytes: Uint8Array, most: number): Promise<PredictInput> {
  try {
    return inputOf(await prepareCsv(table, { name: 'the table', bytes }, most));
  } catch (error) {
    if (!(error instanceof DataFormatError)) throw error;
    throw new ProblemError('invalidRequest', `${error.message}.`, { issues: [{ path: '', message: error.message, code: 'invalidValue' }] });
  }
}

function inputOf(prepared: PreparedRows): PredictInput {
  if (prepared.ok) return { kind: 'values', values: prepared.values, unknownCategories: prepared.unknownCategories };
  throw invalidRequest(prepared.problems);
}
