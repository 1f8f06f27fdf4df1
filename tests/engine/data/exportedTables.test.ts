// Tests tables as spreadsheets and databases export them, and the texts of the messages about them.
import { describe, expect, test } from 'vitest';
import { UploadError, type UploadFault } from '../../../packages/engine/src/data/uploadReport.ts';
import { readTable } from './readTable.ts';

async function faultsOf(read: Promise<unknown>): Promise<readonly UploadFault[]> {
  const refusal = await read.catch((error: unknown) => error);
  if (!(refusal instanceof UploadError)) throw new Error('nothing was refused');
  return refusal.faults;
}

describe('exports of spreadsheets and databases', () => {
  test.for<[string, string]>([
    ['sep=;\na;b;kind\n1,5;2;x\n2,5;3;y\n', ';'],
    ['\ufeffsep=;\r\na;b;kind\r\n1,5;2;x\r\n2,5;3;y\r\n', ';'],
    ['"sep=,"\na,b,kind\n1.5,2,x\n2.5,3,y\n', ','],
    ['sep=\t\r\na\tb\tkind\r\n1.5\t2\tx\r\n2.5\t3\ty\r\n', '\t'],
    ['sep=\\t\na\tb\tkind\n1.5\t2\tx\n2.5\t3\ty\n', '\t'],
    ['SEP=|\na|b|kind\n1.5|2|x\n2.5|3|y\n', '|'],
  ])('the first line of %j names the delimiter and is not a row', async ([text, delimiter]) => {
    const { train, table, taken } = await readTable(text);
    expect(table.columns.map(({ name }) => name)).toEqual(['a', 'b']);
    expect([...train.inputs]).toEqual([1.5, 2, 2.5, 3]);
    const found = taken.find(({ field }) => field === 'delimiter');
    expect(found?.value).toBe(delimiter);
    expect(found?.reason).toContain('The first line is sep=');
  });

  test('a line that names the delimiter is not a row of a test file either, and row 1 is the row of names', async () => {
    const { test: part } = await readTable('a,b,kind\n1,2,x\n3,4,y\n', {}, { test: 'sep=;\nkind;b;a\ny;6;5\n' });
    expect([...(part?.inputs ?? [])]).toEqual([5, 6]);
    const faults = await faultsOf(readTable('sep=;\na;b;kind\n1;2;x\n1;two;x\n3;4;x\n'));
    expect(faults.map(({ path }) => path)).toEqual(['/file/row/3/column/b']);
  });

  test('a title above the names of the columns is reported as a title', async () => {
    const faults = await faultsOf(readTable('Sales of 2024,,\na,b,kind\n1,2,x\n3,4,y\n'));
    expect(faults).toEqual([
      {
        path: '/file/row/1',
        message: 'file: row 1 is a title and not the names of the 3 columns: remove the rows above the names',
        code: 'invalidRow',
      },
    ]);
  });

  test(String.raw`\N and <NA> are missing values`, async () => {
    const { train, taken } = await readTable('a,b,y\n\\N,1,x\n2,<NA>,y\n3,3,x\n', { missing: 'drop' });
    expect([...train.inputs]).toEqual([3, 3]);
    expect(taken.at(-1)?.reason).toBe('file: 2 of 3 rows lack a value and were left out.');
  });

  test.for(['$5', '€ 5', '5 €', '-$5.25', '5%', '1 234', '1\u202f234,5', "1'234", '1,234.50'])(
    'numbers written as %j are refused, and the error says how to write them',
    async (field) => {
      const faults = await faultsOf(readTable(`a,b,y\n"${field}",1,x\n"${field}",2,y\n`));
      expect(faults.map(({ path }) => path)).toEqual(['/file/row/2/column/a', '/file/row/3/column/a']);
      expect(faults[0].message).toContain(`file: row 2 has ${JSON.stringify(field)} in column "a": expected a number`);
      expect(faults[0].message).toContain('thousands separators');
    },
  );

  test.for([
    ['31/12/2020', '30/11/2020'],
    ['12:30', '1:45 pm'],
    ['31.12.20 10:00', '30.11.20 11:30'],
  ])('dates such as %j are texts, and the response reports it', async ([one, other]) => {
    const { taken } = await readTable(`when,b,y\n${one},1,x\n${other},2,y\n`);
    expect(taken.find(({ field }) => field === 'columns')?.reason).toMatch(
      /^It holds dates or times that are not ISO dates .*columns=\["!when"\]/,
    );
  });
});

describe('the target column', () => {
  const digits = 'label,pixel0,pixel1\n5,0,0\n3,1,0\n5,2,0\n';

  test('is the last column by default, with a hint if another column has the name of a target', async () => {
    const { taken } = await readTable(digits);
    expect(taken.filter(({ field }) => field.startsWith('target'))).toEqual([
      {
        field: 'targetColumn',
        value: 'pixel1',
        reason: 'It is the last column. If the column to learn is "label", send targetColumn=label.',
      },
      {
        field: 'targetKind',
        value: 'class',
        reason: 'Column "pixel1" holds the same whole number in every row, so there is one class and nothing to learn.',
      },
    ]);
  });

  test('has no hint if the form names it, or if no other column has the name of a target', async () => {
    expect((await readTable(digits, { targetColumn: 'label' })).train.target).toEqual({ kind: 'class', classes: ['3', '5'] });
    const { taken } = await readTable('a,y\n1,x\n2,z\n');
    expect(taken.find(({ field }) => field === 'targetColumn')?.reason).toBe('It is the last column.');
  });
});

describe('a column of many different texts', () => {
  const rows = Array.from({ length: 300 }, (_, i) => `${i % 3 === 0 ? `PC ${i}` : i},name ${i % 200},${i}.5,${i % 2}`);
  const passengers = `Ticket,Name,Fare,Survived\n${rows.join('\n')}\n`;

  test('among numbers is refused first, with the value of columns that leaves it out and keeps the earlier choices', async () => {
    const [first] = await faultsOf(readTable(passengers));
    expect(first).toEqual({
      path: '/columns',
      message:
        'file: column "Ticket" has 100 values that cannot be read as numbers, such as "PC 0": correct them, or send columns=["!Ticket"] to leave the column out',
      code: 'invalidValue',
    });
    const [again] = await faultsOf(readTable(passengers, { columns: ['!Name'] }));
    expect(again.message).toContain('columns=["!Name","!Ticket"]');
    const [kept] = await faultsOf(readTable(passengers, { columns: ['Ticket', 'Fare'] }));
    expect(kept.message).toContain('columns=["Fare"]');
  });

  test('becomes inputs, and the response says how many and how to leave the column out', async () => {
    const { train, taken } = await readTable(passengers, { columns: ['!Ticket'] });
    expect(train.inputShape).toEqual([201]);
    expect(taken.filter(({ field }) => field === 'columns')).toEqual([
      {
        field: 'columns',
        value: 'Name',
        reason: 'It holds 200 different texts in 300 rows and became 200 inputs (one-hot); columns=["!Ticket","!Name"] leaves it out.',
      },
    ]);
  });
});

test('messages use the singular and the plural', async () => {
  const { taken } = await readTable('# by me\na,b,y\n1,2,x\n,,\n3,4,y\n');
  expect(taken.map(({ reason }) => reason)).toEqual(
    expect.arrayContaining([
      'file: 1 row that begins with # and has another number of fields was left out.',
      'file: 1 row without any value was left out.',
    ]),
  );
  const [fault] = await faultsOf(readTable('a,b,y\n1,2,x\n3\n3,4,x\n'));
  expect(fault.message).toBe('file: row 3 has 1 field, but there are 3 columns');
});

test('a NUL character is reported with its row and byte, near the beginning and far from it', async () => {
  const [near] = await faultsOf(readTable('a,b,y\n1,2,x\n1,\0,y\n2,3,x\n'));
  expect(near).toMatchObject({
    path: '/file/row/3',
    message: 'file: row 3 has a NUL character at byte 14: remove it, or save the file again as text',
  });
  const [far] = await faultsOf(readTable(`a,b,y\n${'1,2,x\n'.repeat(20_000)}1,\0,y\n2,3,x\n`));
  expect(far.path).toBe('/file/row/20002');
});
