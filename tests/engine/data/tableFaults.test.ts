// Tests the faults of a table. All of them are reported together, each with its row and column.
import { describe, expect, test } from 'vitest';
import type { TableOptions } from '../../../packages/engine/src/data/table/readTables.ts';
import { UploadError } from '../../../packages/engine/src/data/uploadReport.ts';
import { readTable } from './readTable.ts';

describe('faults', () => {
  test.each([
    ['more names than fields', 'a,b,c\n1,x\n2,y\n3,x\n', 'row 1 names 3 columns, but most rows have 2 fields'],
    ['fewer names than fields', 'a,b\n1,2,x\n2,3,y\n3,4,x\n', 'row 1 names 2 columns, but most rows have 3 fields'],
  ])('with %s is refused once, not row by row', async (_, text, message) => {
    const error = await readTable(text, { header: true }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UploadError);
    expect((error as UploadError).faults).toEqual([
      { path: '/file/row/1', message: `file: ${message}: give each column a name`, code: 'invalidRow' },
    ]);
  });

  test('of both files are reported together, each with its row and column', async () => {
    const text = 'a,b,c\n1,2,x\n1,oops,x\n1,2\n1e39,3,y\n';
    const refusal = await readTable(text, {}, { test: 'a,b,c\n1,zz,x\n1,2\n' }).catch((error: unknown) => error);
    expect(refusal instanceof UploadError && refusal.faults).toEqual([
      { path: '/file/row/3/column/b', message: 'file: row 3 has "oops" in column "b": expected a number', code: 'invalidValue' },
      { path: '/file/row/4', message: 'file: row 4 has 2 fields, but there are 3 columns', code: 'invalidRow' },
      { path: '/file/row/5/column/a', message: 'file: row 5 has "1e39" in column "a", which is beyond float32', code: 'invalidValue' },
      { path: '/testFile/row/2/column/b', message: 'testFile: row 2 has "zz" in column "b": expected a number', code: 'invalidValue' },
      { path: '/testFile/row/3', message: 'testFile: row 3 has 2 fields, but there are 3 columns', code: 'invalidRow' },
    ]);
  });

  test('are at most a hundred', async () => {
    const refusal = await readTable(`a,b\n${'1,x\n'.repeat(1_000)}${'one,x\n'.repeat(1_000)}`).catch((error: unknown) => error);
    expect(refusal instanceof UploadError && refusal.faults).toHaveLength(100);
  });

  test.each<[string, string | Uint8Array, string, TableOptions?, object?]>([
    ['a hexadecimal number', 'a,b\n1,x\n0x10,x\n', 'file: row 3 has "0x10" in column "a": expected a number'],
    ['infinity', 'a,b\n1,x\n-inf,x\n', 'file: row 3 has "-inf" in column "a", which is beyond float32'],
    [
      'thousands',
      'a,b\n"1,234",x\n',
      'file: row 2 has "1,234" in column "a": expected a number (remove thousands separators, or for a decimal comma send decimal=,)',
    ],
    ['a text as a value', 'a,b\n1,x\n', 'file: row 2 has "x" in column "b": expected a number', { targetKind: 'value' }],
    [
      'a label of 2',
      'a,p,q\n1,0,2\n',
      'file: row 2 has "2" in column "q": expected true or false',
      { targetColumns: ['p', 'q'], targetKind: 'labels' },
    ],
    [
      'an unknown target column',
      'a,b\n1,x\n',
      'targetColumn: there is no column "c": did you mean "a"? The table has "a", "b"',
      { targetColumn: 'c' },
    ],
    ['an unknown column', 'ab,b,y\n1,2,x\n', 'columns: there is no column "abc"', { columns: ['!abc'] }],
    [
      'targetColumn together with targetColumns',
      'a,b\n1,x\n',
      'send targetColumn for one column or targetColumns for several',
      { targetColumn: 'a', targetColumns: ['b'] },
    ],
    [
      'several target columns of classes',
      'a,b,c\n1,x,y\n',
      'for several target columns send value or labels',
      { targetColumns: ['b', 'c'], targetKind: 'class' },
    ],
    ['no column left as an input', 'a,b\n1,x\n', 'no column is left as an input', { columns: ['!a'] }],
    ['two columns with one name', 'a,a,b\n1,2,x\n', 'file: row 1 names two columns "a"'],
    ['one column', 'a\n1\n2\n', 'file: has one column'],
    ['no rows', 'a,b\n', 'file: has a row of names and no row of values'],
    ['nothing', '', 'file: is empty'],
    ['a quote that is not closed', 'a,b\n1,"x\n', 'file: row 2 has a quote that is never closed'],
    [
      'a quote that is not closed, in a large file',
      `a,b\n1,"x\n${'2,y\n'.repeat(100_000)}`,
      'file: row 2 has a field of more than 1000 characters',
    ],
    ['text after a quote', 'a,b\n1,"x"y\n', 'file: row 2 has text after a closing quote'],
    ['a field that is too long', `a,b\n${'1'.repeat(1001)},x\n`, 'file: row 2 has a field of more than 1000 characters'],
    ['a NUL character', 'a,b\n1,x\0\n', 'NUL character'],
    ['too many columns', ','.repeat(200_000), 'file: row 1 has more than 100000 fields'],
    ['damaged UTF-8', Buffer.concat([Buffer.from('größe,b\n1,ä\n2,'), Uint8Array.of(0xff)]), 'file: at byte 17, the file is not UTF-8: '],
    [
      'bytes that are not valid in the encoding that the form names',
      Uint8Array.of(0x61, 0x2c, 0xff),
      'file: at byte 2, the file is not UTF-8: save the file as UTF-8, or send its encoding',
      { encoding: 'utf-8' },
    ],
    [
      'too many classes',
      'a,b\n1,x\n1,y\n1,z\n',
      'file: row 4 is of class 3 in column "b", which are more than the limit of 2',
      {},
      { classes: 2 },
    ],
    [
      'too many texts',
      `a,b,y\n${Array.from({ length: 1_001 }, (_, i) => `1,t${i},x\n`).join('')}`,
      'column "b" has more than 1000 different texts: columns=["!b"]',
    ],
    [
      'more memory than the limit',
      'a,b\n1,x\n1,y\n',
      'file: 2 samples of shape [1] take 16 bytes, which is over the limit of 15',
      {},
      { bytes: 15 },
    ],
  ])('are %s', async (_, text, message, options, limits) => {
    await expect(readTable(text, options, { limits: limits ?? {} })).rejects.toThrow(message);
  });
});
