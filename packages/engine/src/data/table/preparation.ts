// How the columns of a table become the numbers of a sample. It is found out when a table is uploaded and kept with the dataset, so that
// a test file, and rows that are sent for a prediction, are prepared alike.
import { z } from 'zod';
import { columnKinds } from './columnStatistics.ts';

const name = z.string().max(1_000);

export const tablePreparation = z
  .strictObject({
    header: z.boolean().describe('Whether the file has names of columns in its first row'),
    columns: z
      .array(
        z.strictObject({
          name,
          kind: z.enum(columnKinds).describe('`boolean`: 1 for true and 0 for false; `date`: days since 1970; `category`: one-hot'),
          categories: z.array(name).readonly().optional().describe('Of a `category`: its texts, in the order of their inputs'),
          fill: z.union([z.number(), name]).optional().describe('What a missing value becomes; omitted where it is an error'),
        }),
      )
      .readonly()
      .describe('The columns that are inputs, in the order of the inputs'),
    targetColumns: z.array(name).readonly().describe('The columns to learn'),
    targetKind: z.enum(['class', 'value', 'labels']),
  })
  .describe('How the columns of a table become inputs');
export type TablePreparation = z.output<typeof tablePreparation>;
export type PreparedColumn = TablePreparation['columns'][number];

/** Inputs that a column becomes. */
export const widthOf = ({ categories }: PreparedColumn): number => categories?.length ?? 1;

/** Inputs of one row. */
export const inputsOf = ({ columns }: TablePreparation): number => columns.reduce((sum, column) => sum + widthOf(column), 0);
