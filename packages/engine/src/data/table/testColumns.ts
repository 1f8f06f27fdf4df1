// Finds the columns of the training file in a test file by their names. They may be in another order.
import type { UploadReport } from '../uploadReport.ts';
import { kindOf } from './columnStatistics.ts';
import { columnNames, numberedColumns, repeatedName } from './header.ts';
import type { Row } from './rows.ts';
import type { Layout, Plan } from './samples.ts';
import type { TableText } from './tableText.ts';
import { listed } from './wording.ts';

/**
 * Returns the positions of the columns in the test file.
 * @param first the first row of the test file
 * @returns undefined if the columns differ. This is reported as a fault
 */
export function testLayout(text: TableText, first: Row, plan: Plan, report: UploadReport): Omit<Layout, 'rows'> | undefined {
  const { header, columns, targetColumns } = plan.preparation;
  const used = [...columns.map(({ name }) => name), ...targetColumns];
  const found = header ? columnNames(first.fields) : numberedColumns(first.fields.length);
  // A delimiter at the end of the rows makes an empty last column.
  const names = found.length > plan.names.length && first.fields.at(-1)?.trim() === '' ? found.slice(0, -1) : found;
  const lacking = used.filter((name) => !names.includes(name));
  const strange = names.filter((name) => !plan.names.includes(name));
  if (lacking.length === 0 && strange.length === 0 && repeatedName(names) === undefined) {
    const place = (name: string) => names.indexOf(name);
    return {
      text,
      width: names.length,
      hasHeader: header,
      choice: { inputs: columns.map(({ name }) => place(name)), targets: targetColumns.map(place) },
    };
  }
  const isHeadless = header && strange.length === names.length && first.fields.some((field) => kindOf(field, text.decimal) === 'number');
  const what = isHeadless ? 'row 1 does not have the names of the columns' : 'has other columns than the training file';
  const differences = [
    ...(lacking.length > 0 ? [`missing are ${listed(lacking)}`] : []),
    ...(strange.length > 0 && !isHeadless ? [`unknown are ${listed(strange)}`] : []),
  ].join('; ');
  report.fault(
    { part: text.name, row: 1 },
    `${text.name}: ${what}: ${differences}. It has ${listed(names)}; the training file has ${listed(plan.names)}`,
    'otherColumns',
  );
  return undefined;
}
