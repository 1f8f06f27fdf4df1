// Tests uploads of tables: how columns are converted, which settings are recognized and reported, and which tables are refused.
import { describe, expect, test } from 'vitest';
import type { TableOptions } from '../../../packages/engine/src/data/table/readTables.ts';
import { UploadError } from '../../../packages/engine/src/data/uploadReport.ts';
import { readTable, takenFor } from './readTable.ts';

describe('a table', () => {
  test('gives its numbers, and the last column as classes in the order of their names', async () => {
    const { train, taken } = await readTable('width,height,kind\n1,2.5,cat\n-3e2,.5,"a ""big"" dog, old"\n7,8,cat\n');
    expect(train).toMatchObject({ length: 3, inputShape: [2], target: { kind: 'class', classes: ['a "big" dog, old', 'cat'] } });
    expect([...train.inputs]).toEqual([1, 2.5, -300, 0.5, 7, 8]);
    expect([...train.targets]).toEqual([1, 0, 1]);
    expect(train.inputs.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(taken.map(({ field, value }) => [field, value])).toEqual([
      ['encoding', 'utf-8'],
      ['delimiter', ','],
      ['decimal', '.'],
      ['header', true],
      ['targetColumn', 'kind'],
      ['targetKind', 'class'],
    ]);
  });

  test('sorts classes that are numbers by their values, and treats 1 and 1.0 as one class', async () => {
    const { train } = await readTable('a,b\n1,10\n1,9\n1,-1\n1,9.0\n');
    expect(train.target).toEqual({ kind: 'class', classes: ['-1', '9', '10'] });
    expect([...train.targets]).toEqual([2, 1, 0, 1]);
  });

  test('reads every decimal number as JavaScript does', async () => {
    const numbers = [
      '0',
      '-0',
      '+7',
      '007',
      '3.14159265358979',
      '123456789012345678',
      '.5',
      '5.',
      '-1e-7',
      ' 42 ',
      '9007199254740993',
      '0.1',
    ];
    const { train } = await readTable(`a,b\n${numbers.map((number) => `${number},x`).join('\n')}\n`);
    expect(train.inputs).toEqual(Float32Array.from(numbers, Number));
  });

  test('has one input for each text of a column of texts, days for dates, and 1 and 0 for true and false', async () => {
    const { train, table, taken } = await readTable(
      'when,city,ok,y\n1970-01-02,Oslo,true,a\n2024-01-31,Bergen,False,b\n1969-12-31T12:00:00+02:00,Oslo,TRUE,a\n',
    );
    expect(train.inputShape).toEqual([4]);
    const noon = -1 + 10 / 24;
    expect(train.inputs).toEqual(Float32Array.of(1, 0, 1, 1, 19753, 1, 0, 0, noon, 0, 1, 1));
    expect(table.columns).toEqual([
      { name: 'when', kind: 'date' },
      { name: 'city', kind: 'category', categories: ['Bergen', 'Oslo'] },
      { name: 'ok', kind: 'boolean' },
    ]);
    expect(takenFor(taken, 'columns')).toEqual(['when', 'city', 'ok']);
  });

  test('may begin with a byte order mark, end its lines in any way and have empty lines and quoted line breaks', async () => {
    const { train } = await readTable('\uFEFFa,"the\nkind"\r\n1,x\r\r\n\r\n2,"y\r\nz"\n\n\n');
    expect(train).toMatchObject({ length: 2, inputShape: [1], target: { classes: ['x', 'y\r\nz'] } });
    expect((await readTable('a,b\r1,x\r2,y\r')).train).toMatchObject({ length: 2, target: { classes: ['x', 'y'] } });
  });

  test('is read in chunks, with any content at their boundaries', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},${i / 8},"größe ${i % 3}"`);
    const { train } = await readTable(`a,b,c\r\n${rows.join('\r\n')}`);
    expect(train).toMatchObject({ length: 20_000, target: { classes: ['größe 0', 'größe 1', 'größe 2'] } });
    expect(train.inputs).toEqual(Float32Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? i / 2 : (i - 1) / 16)));
  });

  test('is read without delimiters at the ends of rows, rows without values and comments, which the response reports', async () => {
    const { train, taken } = await readTable('# by hand, in May\na,b,k\n1,2,x,\n,,,\n3,4,y,\n');
    expect(train).toMatchObject({ length: 2, inputShape: [2], target: { classes: ['x', 'y'] } });
    expect(takenFor(taken, 'comment')).toEqual(['#']);
    expect(takenFor(taken, 'missing')).toEqual(['drop']);
    expect(takenFor(taken, 'columns')).toEqual([['!4']]);
    expect((await readTable('a,b,k,\n1,2,x,\n3,4,y,\n')).train.inputShape).toEqual([2]);
  });

  test('with very many columns is read quickly', async () => {
    const columns = 100_000;
    const { train } = await readTable(`${Array.from({ length: columns }, (_, i) => `column ${i}`).join()}\n${'1,'.repeat(columns - 1)}x\n`);
    expect(train.inputShape).toEqual([columns - 1]);
  });

  test('is not read further after an abort', async () => {
    const text = `a,b\n${'1,x\n'.repeat(1_000_000)}`;
    const abort = new AbortController();
    setImmediate(() => abort.abort(new Error('cancelled')));
    await expect(readTable(text, {}, { signal: abort.signal })).rejects.toThrow('cancelled');
  });
});

describe('the names of the columns', () => {
  test.each([
    ['numbers like those below them', '5.1,3.5,setosa\n7.0,3.2,versicolor\n'],
    ['years', 'country,2019,2020,y\nNO,1,2,a\nSE,3,4,b\n'],
    ['texts, as all columns have', 'color,size,kind\nred,big,a\nblue,small,b\n'],
    ['one row alone', '1,2,x\n'],
  ])('are asked for where the first row has %s', async (_, text) => {
    const refusal = await readTable(text).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UploadError);
    expect(refusal).toMatchObject({ faults: [{ path: '/header', code: 'unsureHeader' }] });
    expect(String(refusal)).toContain('Send header=true or header=false');
  });

  test('are column1, column2, … if the form says that the first row has samples, and no sample is lost', async () => {
    const { train, table } = await readTable('5.1,3.5,setosa\n7.0,3.2,versicolor\n', { header: false });
    expect([...train.inputs]).toEqual([5.1, 3.5, 7, 3.2].map(Math.fround));
    expect(train.target).toEqual({ kind: 'class', classes: ['setosa', 'versicolor'] });
    expect(table).toMatchObject({ header: false, columns: [{ name: 'column1' }, { name: 'column2' }], targetColumns: ['column3'] });
  });

  test('can be numbers if the form says that there are names', async () => {
    const { train, table } = await readTable('country,2019,2020,y\nNO,1,2,a\nSE,3,4,b\n', { header: true });
    expect([...train.inputs]).toEqual([1, 0, 1, 2, 0, 1, 3, 4]);
    expect(table.columns.map(({ name }) => name)).toEqual(['country', '2019', '2020']);
  });

  test('are read without surrounding blanks, and empty ones get a name', async () => {
    const { table } = await readTable(',"the ""a""", b ,k\n5,1,2,x\n9,1,2,y\n');
    expect(table.columns.map(({ name }) => name)).toEqual(['Unnamed: 0', 'the "a"', 'b']);
  });
});

describe('a column that looks like an index', () => {
  test.each([
    ['counts from 0', 'n,a,y\n0,5,x\n1,5,x\n2,5,y\n', ['n']],
    ['counts from 1', 'n,a,y\n1,5,x\n2,5,x\n3,5,y\n', ['n']],
    ['has no name', ',a,y\n7,5,x\n3,6,y\n', ['Unnamed: 0']],
    ['is named so', 'id,PassengerId,user_id,a,y\n7,7,7,6,x\n5,5,5,5,y\n', ['id', 'PassengerId', 'user_id']],
    ['is something else', 'grid,width,a,y\n7,0,5,x\n3,2,5,y\n4,3,5,y\n', []],
  ])('and %s is an input and reported', async (_, text, names) => {
    const { taken, train } = await readTable(text);
    expect(takenFor(taken, 'columns')).toEqual(names);
    expect(train.inputShape).toEqual([text.split('\n')[0].split(',').length - 1]);
    for (const { field, reason, value } of taken)
      if (field === 'columns') expect(reason).toContain(`columns=${JSON.stringify([`!${String(value)}`])}`);
  });

  test('can be left out with the form', async () => {
    const text = 'id,a,b,y\n7,1,2,x\n9,3,4,y\n';
    expect([...(await readTable(text, { columns: ['!id'] })).train.inputs]).toEqual([1, 2, 3, 4]);
    expect([...(await readTable(text, { columns: ['b'] })).train.inputs]).toEqual([2, 4]);
    expect((await readTable(text, { columns: ['!y', '!id'] })).table).toMatchObject({ columns: [{ name: 'a' }], targetColumns: ['b'] });
  });
});

describe('the target', () => {
  const numbers = (count: number, step = 1) => `a,y\n${Array.from({ length: count }, (_, i) => `5,${i * step}`).join('\n')}\n`;

  test.each<[string, string, TableOptions, object]>([
    ['texts are classes', 'a,y\n1,x\n2,y\n', {}, { kind: 'class', classes: ['x', 'y'] }],
    ['20 different whole numbers are classes', numbers(20), {}, { kind: 'class' }],
    ['21 different whole numbers are values', numbers(21), {}, { kind: 'values', shape: [1] }],
    ['numbers that are not whole are values', numbers(3, 0.5), {}, { kind: 'values', shape: [1] }],
    ['21 numbers are classes if the form says so', numbers(21), { targetKind: 'class' }, { kind: 'class' }],
    ['two numbers are values if the form says so', numbers(2), { targetKind: 'value' }, { kind: 'values', shape: [1] }],
    ['true and false are classes', 'a,y\n1,true\n2,false\n', {}, { kind: 'class', classes: ['false', 'true'] }],
    ['plus and minus are classes', 'a,y\n1,+\n2,-\n', {}, { kind: 'class', classes: ['+', '-'] }],
    ['several columns of 0 and 1 are labels', 'a,p,q\n5,0,1\n6,1,1\n', { targetColumns: ['q', 'p'] }, { kind: 'values', shape: [2] }],
  ])('%s', async (_, text, options, target) => {
    const { train, taken, table } = await readTable(text, options);
    expect(train.target).toMatchObject(target);
    if (options.targetKind === undefined) expect(takenFor(taken, 'targetKind')).toEqual([table.targetKind]);
  });

  test('is one column or several, in the order of the form', async () => {
    const one = await readTable('price,rooms\n10.5,1\n20,2', { targetColumn: 'price' });
    expect([[...one.train.inputs], [...one.train.targets]]).toEqual([
      [1, 2],
      [10.5, 20],
    ]);
    const two = await readTable('p,a,q\n1,5,2.5\n3,6,4\n', { targetColumns: ['q', 'p'] });
    expect(two.table.targetKind).toBe('value');
    expect([[...two.train.inputs], [...two.train.targets]]).toEqual([
      [5, 6],
      [2.5, 1, 4, 3],
    ]);
  });

  test('names of classes that look alike are one where only blanks or accents differ, and are reported where only case does', async () => {
    const { train, taken } = await readTable('a,y\n5,Café\n6,Cafe\u0301 \n7,cat\n8,Cat\n');
    expect(train.target).toEqual({ kind: 'class', classes: ['Café', 'Cat', 'cat'] });
    expect([...train.targets]).toEqual([0, 0, 2, 1]);
    const reasons = taken.filter(({ field }) => field === 'targetColumn').map(({ reason }) => reason);
    expect(reasons).toEqual([
      'It is the last column.',
      expect.stringContaining('composed accents (NFC)'),
      '"cat" and "Cat" differ only in upper and lower case and are two classes.',
    ]);
  });
});

describe('how a table is written', () => {
  const german = 'Größe;Gewicht;Art\n1,5;2;Hündin\n-0,25;3,5;Kater\n';
  const bytesOf = (text: string, mark = '') => Buffer.from(mark + text, 'utf16le');

  test.each<[string, string | Uint8Array, object]>([
    ['semicolons and decimal commas', german, { delimiter: ';', decimal: ',', encoding: 'utf-8' }],
    ['windows-1252', Buffer.from(german, 'latin1'), { encoding: 'windows-1252' }],
    ['UTF-16 with a byte order mark', bytesOf(german, '\uFEFF'), { encoding: 'utf-16le' }],
    ['UTF-16 the other way round', bytesOf(german, '\uFEFF').swap16(), { encoding: 'utf-16be' }],
    ['UTF-16 without a byte order mark', bytesOf(german), { encoding: 'utf-16le' }],
    ['tabs', german.replaceAll(';', '\t'), { delimiter: '\t', decimal: ',' }],
    ['vertical bars', german.replaceAll(';', '|'), { delimiter: '|', decimal: ',' }],
    ['quoted decimal commas', german.replaceAll(/([^;\n]+)/g, '"$1"').replaceAll(';', ','), { delimiter: ',', decimal: ',' }],
    ['decimal points', german.replaceAll(',', '.').replaceAll(';', ','), { delimiter: ',', decimal: '.' }],
  ])('is recognised and reported: %s', async (_, text, expected) => {
    const { train, table, taken } = await readTable(text);
    expect([...train.inputs]).toEqual([1.5, 2, -0.25, 3.5]);
    expect(train.target).toEqual({ kind: 'class', classes: ['Hündin', 'Kater'] });
    expect(table.columns.map(({ name }) => name)).toEqual(['Größe', 'Gewicht']);
    for (const [field, value] of Object.entries(expected)) expect(takenFor(taken, field)).toEqual([value]);
  });

  test('is the column that the form names', async () => {
    const { train, taken } = await readTable(Uint8Array.of(0x78, 0x5e, 0x79, 0x0a, 0x31, 0x5e, 0x92, 0x6a), {
      encoding: 'shift_jis',
      delimiter: '^',
      decimal: '.',
    });
    expect(train.target).toEqual({ kind: 'class', classes: ['男'] });
    expect(taken.map(({ field }) => field)).toEqual(['header', 'targetColumn', 'targetKind']);
    expect((await readTable('#,a,k\n# b,1,x\n#,2,y\n', { comment: 'none', header: true })).train.length).toBe(2);
  });
});

describe('missing values', () => {
  const gaps = 'age,city,y\n1,Oslo,a\n,Bergen,b\n3,NA,a\n5,Oslo,b\n?,Oslo,a\n';

  test('are refused with their positions and advice', async () => {
    const refusal = await readTable(gaps).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      message:
        'file: values are missing in the columns "age" (2), "city" (1). Send missing=drop to leave such rows out, or missing=mean to fill them',
      faults: [
        { path: '/missing' },
        { path: '/file/row/3/column/age', message: 'file: row 3 has nothing in column "age", which counts as missing' },
        { path: '/file/row/4/column/city', message: 'file: row 4 has "NA" in column "city", which counts as missing' },
        { path: '/file/row/6/column/age', message: 'file: row 6 has "?" in column "age", which counts as missing' },
      ],
    });
  });

  test('remove their rows on request', async () => {
    const { train, taken } = await readTable(gaps, { missing: 'drop' });
    expect([[...train.inputs], [...train.targets]]).toEqual([
      [1, 0, 1, 5, 0, 1],
      [0, 1],
    ]);
    expect(taken.at(-1)).toEqual({ field: 'missing', value: 'drop', reason: 'file: 3 of 5 rows lack a value and were left out.' });
  });

  test("are replaced on request by the training file's means and most frequent texts, also in the test file", async () => {
    const { train, test: tests, table } = await readTable(gaps, { missing: 'mean' }, { test: 'y,city,age\nb,-,N/A\n' });
    expect([...train.inputs]).toEqual([1, 0, 1, 3, 1, 0, 3, 0, 1, 5, 0, 1, 3, 0, 1]);
    expect([...(tests?.inputs ?? [])]).toEqual([3, 0, 1]);
    expect(table.columns.map(({ fill }) => fill)).toEqual([3, 'Oslo']);
  });

  test.each(['', 'NA', 'NaN', 'nan', 'null', 'NULL', 'N/A', 'n/a', '?', '-', ' '])('are written as %j', async (text) => {
    expect((await readTable(`a,b,y\n1,2,x\n${text},3,y\n`, { missing: 'drop' })).train.length).toBe(1);
  });

  test('are refused in the target column, and a column with only missing values is refused as an input', async () => {
    await expect(readTable('a,y\n1,x\n2,\n', { missing: 'mean' })).rejects.toThrow('file: row 3 has no target value in column "y"');
    expect((await readTable('a,y\n1,x\n2,\n', { missing: 'drop' })).train.length).toBe(1);
    await expect(readTable('a,b,y\n1,,x\n', { missing: 'mean' })).rejects.toThrow(
      'column "b" holds no value: columns=["!b"] leaves it out',
    );
  });
});

describe('a test file', () => {
  const train = 'x,z,y\n7,2,0\n2,1,1\n3,4,0\n';

  test.each([
    ['in another order', 'z,x,y\n1,9,0\n2,8,1\n', [9, 1, 8, 2], [0, 1]],
    ['with the label first', 'y,x,z\n0,5,1\n1,6,0\n', [5, 1, 6, 0], [0, 1]],
    ['written in another way', Buffer.from('\uFEFFx;z;y\r\n1,5;2,5;1\r\n', 'utf16le'), [1.5, 2.5], [1]],
  ])('is matched by the names of its columns: %s', async (_, text, inputs, targets) => {
    const { test: tests } = await readTable(train, {}, { test: text });
    expect([[...(tests?.inputs ?? [])], [...(tests?.targets ?? [])]]).toEqual([inputs, targets]);
  });

  test.each([
    ['has other names', 'foo,bar,baz\n1,9,0\n', 'missing are "x", "z", "y"; unknown are "foo", "bar", "baz"'],
    ['lacks a column', 'x,y\n1,0\n', 'missing are "z". It has "x", "y"; the training file has "x", "z", "y"'],
    ['has one more', 'x,z,w,y\n1,1,1,0\n', 'unknown are "w". It has "x", "z", "w", "y"; the training file has "x", "z", "y"'],
    ['has no names', '1,9,0\n2,8,1\n', 'testFile: row 1 does not have the names of the columns'],
    ['has names in another case', 'X,z,y\n1,9,0\n', 'missing are "x"; unknown are "X"'],
  ])('that %s is refused', async (_, text, message) => {
    await expect(readTable(train, {}, { test: text })).rejects.toThrow(message);
  });

  test('may or may not have the columns that are left out', async () => {
    const options = { columns: ['!z'] };
    expect((await readTable(train, options, { test: 'x,y\n5,1\n' })).test?.inputs).toEqual(Float32Array.of(5));
    expect((await readTable(train, options, { test: 'z,x,y\noops,5,1\n' })).test?.inputs).toEqual(Float32Array.of(5));
  });

  test('is matched by position if there are no names', async () => {
    const { test: tests } = await readTable('1,2,x\n3,4,y\n', { header: false }, { test: '5,6,y\n' });
    expect([[...(tests?.inputs ?? [])], [...(tests?.targets ?? [])]]).toEqual([[5, 6], [1]]);
    await expect(readTable('1,2,x\n3,4,y\n', { header: false }, { test: '5,y\n' })).rejects.toThrow('missing are "column3"');
  });

  test('gets zeros for texts that the training file does not have, which is reported, and may not have new classes', async () => {
    const cities = 'city,a,y\nOslo,1,p\nBergen,2,q\n';
    const { test: tests, taken } = await readTable(cities, {}, { test: 'city,a,y\nParis,1,p\nOslo,2,q\n' });
    expect([...(tests?.inputs ?? [])]).toEqual([0, 0, 1, 0, 1, 2]);
    expect(taken.at(-1)).toMatchObject({ field: 'columns', value: 'city', reason: expect.stringContaining('such as "Paris"') as unknown });
    await expect(readTable(cities, {}, { test: 'city,a,y\nOslo,1,r\n' })).rejects.toThrow(
      'testFile: row 2 has class "r" in column "y", which the training file does not have',
    );
  });
});
