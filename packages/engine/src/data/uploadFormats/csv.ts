// A table as delimiter-separated text.
import { z } from 'zod';
import { encodingLabel } from '../table/encoding.ts';
import { defineUploadFormat } from './define.ts';
import { shapeText, textList } from './fieldTexts.ts';

export const csv = defineUploadFormat({
  name: 'csv',
  title: 'a table',
  parts: 'file',
  options: {
    header: z
      .enum(['true', 'false'])
      .transform((text) => text === 'true')
      .optional()
      .describe(
        'Of a table: whether its first row has the names of the columns. If omitted, it is recognised; if unclear, the upload is refused',
      ),
    targetColumn: z.string().min(1).max(1000).optional().describe('Of a table: the column to learn. Default: the last one'),
    targetColumns: textList('["red","green"]').optional().describe('Of a table: several columns to learn, such as `["red","green"]`'),
    targetKind: z
      .enum(['class', 'value', 'labels'])
      .optional()
      .describe(
        'Of a table or of arrays: `class` for one class a row, `value` for numbers, `labels` (tables alone) for columns of 0 and 1. Default for tables: `value` for numbers that are not whole or have more than 20 different values, `labels` for several columns of 0 and 1, else `class`. Default for arrays: `class` for whole numbers, text and one-hot rows, else `value`',
      ),
    columns: textList('["a","b"]')
      .optional()
      .describe(
        'Of a table: the columns that are inputs, such as `["a","b"]`, or with `!` those that are not, such as `["!id"]`. Default: all',
      ),
    missing: z
      .enum(['error', 'drop', 'mean'])
      .optional()
      .describe(
        'Of a table: what happens with a missing value. `error` (default) refuses the file, `drop` removes the row, `mean` fills in the mean of the column in the training file, or its most frequent text',
      ),
    encoding: z
      .string()
      .max(40)
      .refine((name) => encodingLabel(name) !== null, 'must be an encoding such as utf-8, windows-1252 or shift_jis')
      .optional()
      .describe('Of a table: its encoding, such as `utf-8`, `windows-1252` or `shift_jis`. Default: recognised'),
    delimiter: z
      .string()
      .regex(/^(tab|[^"\r\n])$/, 'must be one character, or tab')
      .transform((text) => (text === 'tab' ? '\t' : text))
      .optional()
      .describe('Of a table: the character between two fields, or `tab`. Default: recognised'),
    decimal: z.enum(['.', ',']).optional().describe('Of a table: the decimal sign of its numbers. Default: recognised'),
    comment: z
      .enum(['#', 'none'])
      .optional()
      .describe(
        'Of a table: `#` (default) ignores rows that begin with # and have a different number of fields; `none` reads them as rows',
      ),
    inputShape: shapeText.optional().describe('Of a table: the shape of a sample, such as `[1,28,28]`. Default: a plain list'),
  },
});
