// Reads tables from texts or bytes, like the reader of uploads.
import { readTables, type ReadTables, type TableOptions } from '../../../packages/engine/src/data/table/readTables.ts';
import { type ChosenSetting, UploadReport } from '../../../packages/engine/src/data/uploadReport.ts';

type Text = string | Uint8Array;

/** Reads a table. @throws UploadError with all faults */
export async function readTable(
  train: Text,
  options: TableOptions = {},
  { test, limits = {}, signal }: { test?: Text; limits?: object; signal?: AbortSignal } = {},
): Promise<ReadTables & { readonly taken: readonly ChosenSetting[] }> {
  const report = new UploadReport();
  const named = (name: string, text: Text) => ({ name, bytes: typeof text === 'string' ? Buffer.from(text) : text });
  const files = { train: named('file', train), test: test === undefined ? null : named('testFile', test) };
  const read = await readTables(files, options, { report, reader: { limits, ...(signal && { signal }) } });
  report.throwIfFaulty();
  if (read === undefined) throw new Error('nothing was read, and there is no fault');
  return { ...read, taken: report.choices };
}

/** Returns the value that the service chose for a form field. */
export const takenFor = (taken: readonly ChosenSetting[], field: string): readonly unknown[] =>
  taken.filter((one) => one.field === field).map(({ value }) => value);
