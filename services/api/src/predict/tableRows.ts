// Converts the rows of a prediction request, as JSON or CSV, to the input of the network. They are prepared like the rows of the dataset.
import { DataFormatError, prepareCsv, type PreparedRows, prepareRows, type TablePreparation } from '@trainyard/engine/data';
import type { JobSpec } from '@trainyard/engine/spec';
import { invalidRequest } from '../http/parameters.ts';
import { ProblemError } from '../problems.ts';
import type { PredictInput } from './messages.ts';

/** Returns how a job's table is prepared. @throws ProblemError 422 if the data of the job is not a table */
export function tableOf({ data }: JobSpec): TablePreparation {
  const table = 'content' in data ? data.content.table : undefined;
  if (table !== undefined) return table;
  const message = "the job's data is not a table: send inputs";
  throw new ProblemError('invalidRequest', `rows: ${message}.`, { issues: [{ path: '/rows', message, code: 'invalidValue' }] });
}

/** Prepares rows as the input of a prediction. @throws ProblemError 422 if rows are invalid. It lists their problems */
export async function rowsInput(table: TablePreparation, rows: readonly unknown[]): Promise<PredictInput> {
  return inputOf(await prepareRows(table, rows));
}

/** Prepares a CSV file as the input of a prediction. @throws ProblemError 422 if the file or one of its rows is invalid */
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
