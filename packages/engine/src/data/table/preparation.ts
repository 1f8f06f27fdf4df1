// Describes how the columns of a table become the numbers of a sample. The description is made when a table is uploaded, and is stored with
// the dataset. Test files and rows for predictions are prepared in the same way.
import { z } from 'zod';
import { columnKinds } from './columnStatistics.ts';

const name = z.string().max(1_000);

export const tablePreparation = z
  .strictObject({
    header: z.boolean().describe('Whether the first row of the file has the names of the columns'),
    columns: z
      .array(
        z.strictObject({
          name,
          kind: z.enum(columnKinds).describe('`boolean`: 1 for true and 0 for false; `date`: days since 1970; `category`: one-hot'),
          categories: z
            .array(name)
            .readonly()
            .optional()
            .describe('The texts of a column of kind `category`, in the order of their inputs'),
          fill: z
            .union([z.number(), name])
            .optional()
            .describe('The value that replaces a missing value. Absent if a missing value is an error'),
        }),
      )
      .readonly()
      .describe('The input columns, in the order of the inputs'),
    targetColumns: z.array(name).readonly().describe('The names of the target columns'),
    targetKind: z.enum(['class', 'value', 'labels']),
  })
  .describe('How the columns of a table become inputs');
export type TablePreparation = z.output<typeof tablePreparation>;
export type PreparedColumn = TablePreparation['columns'][number];

/** Returns the number of inputs that a column becomes. */
export const widthOf = ({ categories }: PreparedColumn): number => categories?.length ?? 1;

/** Returns the number of inputs of one row. */
export const inputsOf = ({ columns }: TablePreparation): number => columns.reduce((sum, column) => sum + widthOf(column), 0);
