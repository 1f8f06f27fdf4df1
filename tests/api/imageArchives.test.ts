// Tests which dataset is read from a zip or tar of images with one folder per class. The archives are like those that common systems create.
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { greyJpeg, plainPng } from '../engine/data/imageFixtures.ts';
import { animals, classesOf, dot, messagesOf, type Files, folderOf, read, readZip, tarOf } from './fixtures/archives.ts';
import { rawZip } from './fixtures/rawZip.ts';

describe.each<[string, (files: Files) => Promise<Uint8Array>]>([
  ['a zip', (files) => Promise.resolve(zipSync({ ...files }))],
  ['a gzipped zip', (files) => Promise.resolve(gzipSync(zipSync({ ...files })))],
  ['a tar', async (files) => tarOf(await folderOf(files))],
  ['a tar with the headers of pax', async (files) => tarOf(await folderOf(files), '--format=pax')],
  ['a .tar.gz', async (files) => gzipSync(tarOf(await folderOf(files), '--format=gnu'))],
])('%s', (_, packed) => {
  test('gives its classes and samples in the order of their names', async () => {
    const { splits, format, taken } = await read({ file: await packed(animals) });
    expect(splits.train).toMatchObject({ length: 3, inputShape: [1, 2, 3], target: { kind: 'class', classes: ['cats', 'dogs'] } });
    expect([...splits.train.targets]).toEqual([0, 0, 1]);
    expect([...splits.train.inputs]).toEqual([10, 20, 30].flatMap((value) => new Array<number>(6).fill(value)));
    expect([splits.test, format, taken]).toEqual([null, 'images', []]);
  });

  test('may have names in any script, and long ones', async () => {
    const long = `${'long-name-'.repeat(12)}ß`;
    const { splits } = await read({
      file: await packed({ '犬/1.png': dot(1), 'Ελλάδα/2.png': dot(2), 'قطة/3.png': dot(3), [`${long}/4.png`]: dot(4) }),
    });
    expect(classesOf(splits)).toEqual([long, 'Ελλάδα', 'قطة', '犬']);
  });

  test('with folders train and test has two parts, and says so', async () => {
    const { splits, taken } = await read({
      file: await packed({
        'set/train/a/1.png': dot(1),
        'set/train/b/1.png': dot(2),
        'set/train/c/1.png': dot(3),
        'set/test/c/9.png': dot(9),
      }),
    });
    expect(splits.train).toMatchObject({ length: 3, target: { classes: ['a', 'b', 'c'] } });
    expect(splits.test).toMatchObject({ length: 1, targets: Int32Array.of(2), target: { classes: ['a', 'b', 'c'] } });
    expect(splits.test?.inputs[0]).toBe(9);
    expect(taken).toEqual([
      {
        field: 'file',
        value: { train: 'train', test: 'test' },
        reason: 'the folders train/ and test/ are used as the training part and the test part',
      },
    ]);
  });
});

test('colours become planes, and formats may be mixed', async () => {
  const webp = await sharp({ create: { width: 2, height: 1, channels: 3, background: { r: 4, g: 5, b: 6 } } })
    .webp({ lossless: true })
    .toBuffer();
  const { splits } = await readZip({ 'a/1.png': plainPng(2, 1, 1, 2, 3), 'b/no-ending': webp });
  expect(splits.train.inputShape).toEqual([3, 1, 2]);
  expect([...splits.train.inputs]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
});

describe('system files', () => {
  test('and empty folders are ignored and counted', async () => {
    const leftovers: Files = {
      'all/.DS_Store': Uint8Array.of(1),
      '__MACOSX/all/a/._1.jpg': Uint8Array.of(1),
      '__MACOSX/._all': Uint8Array.of(1),
      'all/a/Thumbs.db': Uint8Array.of(1),
      'all/a/desktop.ini': Uint8Array.of(1),
      'all/.git/config': Uint8Array.of(1),
      'all/empty/': new Uint8Array(),
    };
    const { splits, taken } = await readZip({ ...leftovers, 'all/a/1.jpg': greyJpeg, 'all/b/1.png': plainPng(8, 8, 9) });
    expect(splits.train).toMatchObject({ length: 2, target: { kind: 'class', classes: ['a', 'b'] } });
    expect([splits.train.inputs[0], splits.train.inputs[64]]).toEqual([200, 9]);
    expect(taken).toEqual([
      {
        field: 'file',
        value: { skipped: 7 },
        reason: '7 hidden or system files and empty folders were ignored, such as "all/.DS_Store"',
      },
    ]);
  });

  test('include links in a tar, which are ignored', async () => {
    const folder = await folderOf(animals);
    await symlink('/etc/hostname', join(folder, 'cats', '4.png'));
    expect((await read({ file: tarOf(folder) })).splits.train.length).toBe(3);
  });
});

describe('names', () => {
  test('of the Finder, which are UTF-8 in parts and do not say so, are composed', async () => {
    const file = rawZip([
      { name: Buffer.from('Käfer/1.png'.normalize('NFD')), content: dot(1) },
      { name: Buffer.from('日本/1.png'), content: dot(2) },
    ]);
    const { splits, taken } = await read({ file });
    expect(classesOf(splits)).toEqual(['Käfer'.normalize('NFC'), '日本']);
    expect(taken).toEqual([]);
  });

  test('that differ only in their Unicode form are one class, and taken says so', async () => {
    const { splits, taken } = await readZip({
      ['é/1.png'.normalize('NFC')]: dot(1),
      ['é/2.png'.normalize('NFD')]: dot(2),
      'f/3.png': dot(3),
    });
    expect([...splits.train.targets]).toEqual([0, 1, 1]);
    expect(classesOf(splits)).toEqual(['f', 'é'.normalize('NFC')]);
    expect(taken).toMatchObject([{ field: 'file', value: { merged: 'é'.normalize('NFC') } }]);
  });

  test('of MS-DOS and Japanese Windows are decoded, and taken says so', async () => {
    // "Käfer" and "Übung" in IBM437; 犬 and 猫 in Shift_JIS.
    const western = await read({
      file: rawZip([
        { name: Buffer.from('K\x84fer\\1.png', 'latin1'), content: dot(1) },
        { name: Buffer.from('\x9abung\\1.png', 'latin1'), content: dot(2) },
      ]),
    });
    expect(classesOf(western.splits)).toEqual(['Käfer', 'Übung']);
    expect(western.taken).toMatchObject([{ field: 'file', value: { encoding: 'IBM437' } }]);
    const japanese = await read({
      file: rawZip([
        { name: Buffer.from('\x8c\xa2/1.png', 'latin1'), content: dot(1) },
        { name: Buffer.from('\x94L/1.png', 'latin1'), content: dot(2) },
      ]),
    });
    expect(classesOf(japanese.splits)).toEqual(['犬', '猫']);
    expect(japanese.taken).toMatchObject([{ field: 'file', value: { encoding: 'Shift_JIS' } }]);
  });

  test.each(['../cats/1.png', '/cats/1.png', 'cats/../../1.png', 'C:/cats/1.png', 'cats\\..\\..\\1.png'])(
    'that lead out of the archive are refused: %s',
    async (path) => {
      expect(await messagesOf(readZip({ ...animals, [path]: dot(1) }))).toEqual([
        `file: the path ${JSON.stringify(path)} leads out of the archive: pack it again with relative paths`,
      ]);
    },
  );
});

describe('parts', () => {
  test('may be called validation, which is the test part when there is no test', async () => {
    const { splits, taken } = await readZip({ 'Train/a/1.png': dot(1), 'val/a/2.png': dot(2), 'val/a/3.png': dot(3) });
    expect([splits.train.length, splits.test?.length]).toEqual([1, 2]);
    expect(taken).toMatchObject([{ value: { train: 'Train', test: 'val' } }]);
  });

  test('train, validation and test: validation is not used, and taken says so', async () => {
    const { splits, taken } = await readZip({ 'train/a/1.png': dot(1), 'test/a/2.png': dot(2), 'valid/a/3.png': dot(3) });
    expect(splits.test?.inputs[0]).toBe(2);
    expect(taken).toMatchObject([
      { value: { train: 'train', test: 'test' } },
      { value: { unused: 'valid' }, reason: 'the 1 files in valid/ are not used: a dataset has two parts, and test/ is the second' },
    ]);
  });

  test('are refused if the test part has classes that the training part lacks, and the error names each of them', async () => {
    expect(
      await messagesOf(readZip({ 'train/a/1.png': dot(1), 'test/a/2.png': dot(2), 'test/x/3.png': dot(3), 'test/y/3.png': dot(3) })),
    ).toEqual([
      'file: the test part has a class "x" (test/x/3.png), which the training part does not have',
      'file: the test part has a class "y" (test/y/3.png), which the training part does not have',
    ]);
  });

  test('of a single folder, or of classes that are called like parts, are classes', async () => {
    expect(classesOf((await readZip({ 'train/a/1.png': dot(1), 'train/b/1.png': dot(2) })).splits)).toEqual(['a', 'b']);
    expect(classesOf((await readZip({ 'test/1.png': dot(1), 'exam/1.png': dot(2) })).splits)).toEqual(['exam', 'test']);
  });

  test('may not be sent twice', async () => {
    const file = zipSync({ 'train/a/1.png': dot(1), 'test/a/2.png': dot(2) });
    expect(await messagesOf(read({ file, testFile: zipSync({ 'a/1.png': dot(1) }) }))).toEqual([
      'testFile: file already contains a folder of test images: do not send testFile',
    ]);
    expect(await messagesOf(read({ file: zipSync({ 'a/1.png': dot(1) }), testFile: file }))).toEqual([
      'testFile: contains folders of two parts: send it as file',
    ]);
  });
});
