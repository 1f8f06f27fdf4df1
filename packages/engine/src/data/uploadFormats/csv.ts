// A table as delimiter-separated text.
import { z } from 'zod';
import type { Shape } from '../../shape.ts';
import { defineUploadFormat } from './define.ts';

/** Whatever a form says is text: a shape is one as JSON, which knows fewer blanks than `\s` does. */
const shapeText = z
  .string()
  .regex(/^\[[ \t\r\n]*[1-9]\d{0,8}([ \t\r\n]*,[ \t\r\n]*[1-9]\d{0,8}){0,7}[ \t\r\n]*\]$/, 'must be a shape such as [1,28,28]')
  .transform((text): Shape => JSON.parse(text) as number[]);

export const csv = defineUploadFormat({
  name: 'csv',
  title: 'a table',
  parts: 'file',
  options: {
    targetColumn: z.string().min(1).max(1000).optional().describe('Of a CSV: the column to learn; the last if left out'),
    targetKind: z.enum(['class', 'value']).optional().describe('Of a CSV: whether that column names classes, or holds numbers to learn'),
    inputShape: shapeText.optional().describe("Of a CSV: what a row's other columns are, such as `[1,28,28]`; a plain list if left out"),
  },
});
