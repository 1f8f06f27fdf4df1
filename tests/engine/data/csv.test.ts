// Tables: what becomes of their columns, and errors that name the row and the column.
import { describe, expect, test } from 'vitest';
import { type CsvOptions, csvDataset } from '../../../packages/engine/src/data/csv.ts';

const read = (text: string | Uint8Array, options?: CsvOptions) =>
  csvDataset({ name: 'f.csv', bytes: typeof text === 'string' ? Buffer.from(text) : text }, options);

describe('a table', () => {
  test('gives its numbers, and the last column as classes in the order of their names', async () => {
    const dataset = await read('width,height,kind\n1,2.5,cat\n-3e2,.5,"a ""big"" dog, old"\n7,8,cat\n');
    expect(dataset).toMatchObject({ length: 3, inputShape: [2], target: { kind: 'class', classes: ['a "big" dog, old', 'cat'] } });
    expect([...dataset.inputs]).toEqual([1, 2.5, -300, 0.5, 7, 8]);
    expect([...dataset.targets]).toEqual([1, 0, 1]);
    expect(dataset.inputs.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('sorts classes that are numbers by their values', async () => {
    expect((await read('a,b\n1,10\n1,9\n1,-1\n')).target).toEqual({ kind: 'class', classes: ['-1', '9', '10'] });
  });

  test('takes another column, as values', async () => {
    const dataset = await read('price,rooms,size\n10.5,1,20\n20,2,30', { target: 'price', kind: 'value' });
    expect(dataset).toMatchObject({ length: 2, inputShape: [2], target: { kind: 'values', shape: [1] } });
    expect([...dataset.inputs]).toEqual([1, 20, 2, 30]);
    expect([...dataset.targets]).toEqual([10.5, 20]);
  });

  test('may begin with a byte order mark, end its lines as on Windows and have empty lines and quoted line breaks', async () => {
    const dataset = await read('\uFEFFa,"the\nkind"\r\n1,x\r\n\r\n2,"y\r\nz"\r\n');
    expect(dataset).toMatchObject({ length: 2, inputShape: [1], target: { classes: ['x', 'y\r\nz'] } });
  });

  test('is read over the boundaries of its pieces, whatever lies on them', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},${i / 8},"größe ${i % 3}"`);
    const dataset = await read(`a,b,c\n${rows.join('\n')}`);
    expect(dataset).toMatchObject({ length: 20_000, target: { classes: ['größe 0', 'größe 1', 'größe 2'] } });
    expect(dataset.inputs).toEqual(Float32Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? i / 2 : (i - 1) / 16)));
  });

  test.each<[string, string | Uint8Array, string, CsvOptions?]>([
    ['a word among numbers', 'a,b,c\n1,2,x\n1,two,x\n', 'f.csv: row 3 has "two" in column "b": expected a number'],
    ['an empty field', 'a,b,c\n1,,x\n', 'f.csv: row 2 has nothing in column "b": expected a number'],
    ['an empty class', 'a,b\n1, \n', 'f.csv: row 2 has nothing in column "b": expected a class'],
    ['what only a program takes for a number', 'a,b\n0x10,x\n', 'f.csv: row 2 has "0x10" in column "a": expected a number'],
    ['a number beyond float32', 'a,b\n1e39,x\n', 'f.csv: row 2 has "1e39" in column "a": expected a number'],
    ['no number as a value', 'a,b\n1,x\n', 'f.csv: row 2 has "x" in column "b": expected a number', { kind: 'value' }],
    ['a row that is short', 'a,b,c\n1,2,x\n1,x\n', 'f.csv: row 3 has 2 fields, but there are 3 columns'],
    ['a column that is not there', 'a,b\n1,x\n', 'f.csv: row 1 has no column "c": it has a, b', { target: 'c' }],
    ['no names', '1,2\n3,4\n', 'f.csv: row 1 holds numbers: expected the names of the columns'],
    ['a name twice', 'a,a,b\n1,2,x\n', 'f.csv: row 1 names two columns "a"'],
    ['one column', 'a;b\n1;x\n', 'f.csv: row 1 names one column: expected numbers and a column to learn, separated by commas'],
    ['no rows', 'a,b\n', 'f.csv: expected a row of names and at least one of values, got 1 rows'],
    ['nothing', '', 'f.csv: expected a row of names and at least one of values, got 0 rows'],
    ['a quote that is not closed', 'a,b\n1,"x\n', 'f.csv: row 2 has a quote that is never closed'],
    ['text after a quote', 'a,b\n1,"x"y\n', 'f.csv: row 2 goes on after a closing quote'],
    ['a quote in a field', 'a,b\n1,x"y"\n', 'f.csv: row 2 has a quote inside a field: it would have to be quoted as a whole'],
    ['a lone carriage return', 'a,b\r1,x\r', 'f.csv: row 1 has a carriage return that no line feed follows'],
    ['a field without end', `a,b\n${'1'.repeat(1001)},x\n`, 'f.csv: row 2 has a field of more than 1000 characters'],
    ['other letters than those of UTF-8', Uint8Array.of(0x61, 0x2c, 0xff, 0x0a), 'f.csv: bytes 0 to 3 are not UTF-8'],
    ['a letter that is cut off', Uint8Array.of(0x61, 0x2c, 0xc3), 'f.csv: bytes 0 to 2 are not UTF-8'],
    [
      'too many classes',
      'a,b\n1,x\n1,y\n1,z\n',
      'f.csv: row 4 brings one class more to column "b" than the limit of 2: is it a value?',
      { limits: { classes: 2 } },
    ],
    [
      'more memory than it may take',
      'a,b\n1,x\n1,y\n1,z\n',
      'f.csv: 2 samples of shape [1] take 16 bytes, which is over the limit of 15',
      { limits: { bytes: 15 } },
    ],
  ])('is refused for %s', async (_, text, message, options) => {
    await expect(read(text, options)).rejects.toThrow(expect.objectContaining({ code: 'invalidDataFile', message }));
  });

  test('of very many columns is read in time', async () => {
    const columns = 100_000;
    const dataset = await read(`${Array.from({ length: columns }, (_, i) => `column ${i}`).join()}\n${'1,'.repeat(columns - 1)}x\n`);
    expect(dataset.inputShape).toEqual([columns - 1]);
  });

  test('is given up when aborted', async () => {
    const text = `a,b\n${'1,x\n'.repeat(1_000_000)}`;
    const abort = new AbortController();
    setImmediate(() => abort.abort(new Error('cancelled')));
    await expect(read(text, { signal: abort.signal })).rejects.toThrow('cancelled');
  });
});
