// Reads tables of delimiter-separated text: a training file and a test file. The test file's columns are found by the names of the training
// file's columns.
import { z } from 'zod';
import type { NamedBytes } from '../files.ts';
import { encodingLabel, isDamagedTable } from '../table/encoding.ts';
import { readTables } from '../table/readTables.ts';
import { reshaped } from '../upload.ts';
import { defineUploadFormat } from './define.ts';
import { shapeText, targetKind, textList } from './fields.ts';
import { oneFile, testParts, trainParts } from './parts.ts';

const options = {
  header: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe(
      'For a table: whether its first row has the names of the columns. If omitted, it is recognised; if unclear, the upload is refused',
    ),
  targetColumn: z.string().min(1).max(1000).optional().describe('For a table: the target column. Default: the last column'),
  targetColumns: textList('["red","green"]').optional().describe('For a table: several target columns, such as `["red","green"]`'),
  targetKind,
  columns: textList('["a","b"]')
    .optional()
    .describe(
      'For a table: the input columns, such as `["a","b"]`, or the columns to leave out, with `!`, such as `["!id"]`. Default: all columns',
    ),
  missing: z
    .enum(['error', 'drop', 'mean'])
    .optional()
    .describe(
      'For a table: what happens with a missing value. `error` (default) refuses the file, `drop` removes the row, `mean` fills in the mean of the column in the training file, or its most frequent text',
    ),
  encoding: z
    .string()
    .max(40)
    .refine((name) => encodingLabel(name) !== null, 'must be an encoding such as utf-8, windows-1252 or shift_jis')
    .optional()
    .describe('For a table: its encoding, such as `utf-8`, `windows-1252` or `shift_jis`. Default: recognised'),
  delimiter: z
    .string()
    .regex(/^(tab|[^"\r\n])$/, 'must be one character, or tab')
    .transform((text) => (text === 'tab' ? '\t' : text))
    .optional()
    .describe('For a table: the character between two fields, or `tab`. Default: recognised'),
  decimal: z.enum(['.', ',']).optional().describe('For a table: the decimal sign of its numbers. Default: recognised'),
  comment: z
    .enum(['#', 'none'])
    .optional()
    .describe('For a table: `#` (default) ignores rows that begin with # and have a different number of fields; `none` reads them as rows'),
  inputShape: shapeText.optional().describe('For a table: the shape of a sample, such as `[1,28,28]`. Default: one dimension'),
};

export const csv = defineUploadFormat({
  name: 'csv',
  title: 'a table',
  rank: 1,
  file: { shown: 'a CSV', description: 'a table (CSV)' },
  pair: null,
  options,
  detection: {
    text: { remedy: 'send a CSV as the part file, with the target as one of its columns', isDamaged: isDamagedTable },
  },
  async read(upload, { options: given, report, reader, findEncoding }) {
    const files = await report.attempt({ part: trainParts.file }, async () => {
      const train = oneFile(upload, trainParts.file, 'csv');
      const test = oneFile(upload, testParts.file, 'csv');
      return train === null ? null : { train: await upload.unpack(train), test: test === null ? null : await upload.unpack(test) };
    });
    if (files === null || files === undefined) return { train: files, test: null };
    // The factor 2: each file is read twice.
    const share = [files.train, files.test].reduce((sum, file) => sum + (file?.storedBytes ?? 0), 0) / (2 * unpackedBytes(files));
    const counting = { ...reader, onRead: (bytes: number) => reader.onRead?.(bytes * share) };
    const tables = await readTables(files, given, { report, reader: counting, findEncoding });
    if (tables === undefined) return { train: undefined, test: undefined };
    const { train, test, table } = tables;
    const shaped = await report.attempt({ part: 'inputShape' }, () => ({
      train: reshaped(trainParts.file, train, given.inputShape),
      test: test && reshaped(testParts.file, test, given.inputShape),
    }));
    return { train: shaped?.train, test: shaped?.test, table };
  },
});

const unpackedBytes = ({ train, test }: { train: NamedBytes; test: NamedBytes | null }): number =>
  Math.max(1, train.bytes.length + (test?.bytes.length ?? 0));
