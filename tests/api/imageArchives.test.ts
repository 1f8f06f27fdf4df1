// Zips and tars of images, one folder a class, as people's systems make them: real ones, and ones that are mixed, damaged or built to
// harm.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ReaderLimits, type Splits, type UploadFilePart } from '@trainyard/engine';
import { type ReadUpload, readUpload } from '@trainyard/engine/node';
import { findOnPath } from '@trainyard/jobs';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeImage } from '../../services/api/src/images/decodeImage.ts';
import { cifarBatch } from '../engine/data/cifarFiles.ts';
import { greyJpeg, plainPng } from '../engine/data/imageFixtures.ts';
import { type RawEntry, rawZip } from './fixtures/rawZip.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'trainyard-archives-'));
});
afterEach(() => rm(root, { recursive: true }));

const hasZip = findOnPath('zip', process.env['PATH'] ?? '') !== null;

type Files = Readonly<Record<string, Uint8Array>>;
const dot = (value: number) => plainPng(3, 2, value);
const animals: Files = { 'dogs/b.png': dot(30), 'cats/2.png': dot(20), 'cats/10.PNG': dot(10) };

async function read(files: Partial<Record<UploadFilePart, Uint8Array>>, limits: Partial<ReaderLimits> = {}): Promise<ReadUpload> {
  const uploaded = Object.keys(files).map((part) => ({ part: part as UploadFilePart, path: join(root, `upload-${part}`) }));
  for (const { part, path } of uploaded) await writeFile(path, files[part] ?? new Uint8Array());
  return await readUpload(uploaded, {}, { decodeImage, limits });
}
const readZip = async (files: Files, limits?: Partial<ReaderLimits>): Promise<ReadUpload> =>
  await read({ file: zipSync({ ...files }) }, limits);

async function folderOf(files: Files): Promise<string> {
  const folder = join(root, 'set');
  await mkdir(folder);
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

/** What the machine's tar makes of a folder. */
function tarOf(folder: string, ...options: readonly string[]): Uint8Array {
  const { status, stdout } = spawnSync('tar', ['-C', folder, ...options, '-cf', '-', '.'], { maxBuffer: 2 ** 26 });
  expect(status).toBe(0);
  return stdout;
}

const classesOf = ({ train }: Splits) => (train.target.kind === 'class' ? train.target.classes : null);
const refusal = (message: string | RegExp): unknown =>
  expect.objectContaining({
    code: 'invalidDataFile',
    message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
  });
/** The messages of all faults. */
async function faultsOf(reading: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await reading.then(
    () => null,
    (reason: unknown) => reason,
  );
  return (error as { faults: readonly { message: string }[] }).faults.map(({ message }) => message);
}

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
        reason: 'the folders train/ and test/ are taken as the training and the test part',
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
        reason: '7 hidden or system files and empty folders were passed over, such as "all/.DS_Store"',
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
      expect(await faultsOf(readZip({ ...animals, [path]: dot(1) }))).toEqual([
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

  test('are refused when test has classes that train lacks, and each is named', async () => {
    expect(
      await faultsOf(readZip({ 'train/a/1.png': dot(1), 'test/a/2.png': dot(2), 'test/x/3.png': dot(3), 'test/y/3.png': dot(3) })),
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
    expect(await faultsOf(read({ file, testFile: zipSync({ 'a/1.png': dot(1) }) }))).toEqual([
      'testFile: file holds a folder of test images already: leave testFile out',
    ]);
    expect(await faultsOf(read({ file: zipSync({ 'a/1.png': dot(1) }), testFile: file }))).toEqual([
      'testFile: holds folders of two parts: send it as file',
    ]);
  });
});

describe('is refused with all faults:', () => {
  test.each<[string, Files, string[]]>([
    ['nothing', {}, ['file: no images in folders of classes: expected class/name.png, one folder per class']],
    [
      'a table',
      { 'data.csv': Buffer.from('a,b\n1,2\n'), '__MACOSX/._data.csv': Uint8Array.of(1) },
      ['file: a zip of images is read, and this one holds none: "data.csv" is text. Send a CSV as it is, without the archive'],
    ],
    [
      'a pickle',
      { 'cifar-10-batches-py/data_batch_1': Buffer.from('\x80\x02}q\x01(U\x0bbatch_label', 'latin1') },
      [
        'file: a zip of images is read, and this one holds none: "cifar-10-batches-py/data_batch_1" is a CIFAR batch of the Python version (a pickle). Download the binary version, and send cifar-10-binary.tar.gz',
      ],
    ],
    [
      'files in no folder, and too deep',
      { ...animals, '1.png': dot(1), 'cats/more/2.png': dot(1) },
      [
        'file: "cats/more/2.png" lies too deep: expected class/name.png, one folder per class',
        'file: "1.png" lies in no folder of a class: expected class/name.png',
      ],
    ],
    [
      'files that are no images',
      {
        ...animals,
        'cats/notes.txt': Buffer.from('hello'),
        'cats/3.png': Uint8Array.of(1, 2, 3),
        'dogs/more.zip': zipSync({ 'a/1.png': dot(1) }),
        'dogs/x.heic': Buffer.from('\0\0\0\x1cftypheic\0\0\0\0'),
      },
      [
        'file/cats/3.png is of no known kind (its first bytes are 01 02 03), not an image: images are PNG, JPEG, WebP, GIF, TIFF and AVIF',
        'file/cats/notes.txt is text, not an image: images are PNG, JPEG, WebP, GIF, TIFF and AVIF',
        'file/dogs/more.zip is a zip, not an image: images are PNG, JPEG, WebP, GIF, TIFF and AVIF',
        'file/dogs/x.heic is a HEIC image, which is not read: convert it to PNG or JPEG; an iPhone takes JPEGs with Settings > Camera > Formats > Most Compatible',
      ],
    ],
    [
      'other sizes and colours',
      { ...animals, 'dogs/c.png': plainPng(2, 3, 1), 'dogs/d.png': plainPng(3, 2, 1, 2, 3), 'dogs/e.png': plainPng(2, 3, 1) },
      [
        'file: all images must have one size and colours, but there are 3×2 grey (3, such as cats/10.PNG), 2×3 grey (2, such as dogs/c.png), 3×2 colour (1, such as dogs/d.png)',
      ],
    ],
  ])('%s', async (_, files, messages) => {
    expect((await faultsOf(readZip(files))).toSorted()).toEqual(messages.toSorted());
  });

  test('a size that is another only before the image is turned upright is none', async () => {
    const stored = await sharp({ create: { width: 2, height: 3, channels: 3, background: 'red' } })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const { splits, taken } = await readZip({ 'a/1.png': plainPng(3, 2, 1, 2, 3), 'b/1.jpg': stored });
    expect(splits.train.inputShape).toEqual([3, 2, 3]);
    expect(taken).toEqual([{ field: 'file', value: { rotated: 1 }, reason: '1 image was turned upright by the orientation in EXIF data' }]);
  });

  test('up to a hundred faults', async () => {
    const broken = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`a/${i}.png`, Uint8Array.of(1, 2)]));
    expect(await faultsOf(readZip(broken))).toHaveLength(100);
  });

  test.each<[string, Partial<ReaderLimits>, RegExp]>([
    ['files', { files: 2 }, /^file: 3 files are over the limit of 2$/],
    ['pixels', { pixels: 5 }, /^file\/cats\/10\.PNG: an image of 3×2 has 6 pixels, which is over the limit of 5$/],
    ['bytes of a file', { fileBytes: 20 }, /^file\/cats\/10\.PNG: \d+ bytes are over the limit of 20 for an image file$/],
    ['classes', { classes: 1 }, /^file: 2 folders of classes are over the limit of 1$/],
  ])('too many %s', async (_, limits, message) => {
    await expect(readZip(animals, limits)).rejects.toThrow(refusal(message));
  });
});

describe('a zip', () => {
  test.skipIf(!hasZip)('of another program, with entries for its folders, is read', async () => {
    const folder = await folderOf(animals);
    expect(spawnSync('zip', ['-q', '-r', join(root, 'made.zip'), '.'], { cwd: folder }).status).toBe(0);
    expect((await read({ file: await readFile(join(root, 'made.zip')) })).splits.train.length).toBe(3);
  });

  test('that is cut off or damaged is refused', async () => {
    const whole = zipSync({ ...animals });
    await expect(read({ file: whole.subarray(0, whole.length - 30) })).rejects.toThrow(refusal(/^file cannot be read: /));
    await expect(read({ file: Buffer.from('PK\x03\x04\0\0\0') })).rejects.toThrow(refusal(/^file cannot be read: /));
  });

  /** Replaces a number in the central directory, where each entry begins with "PK\x01\x02". */
  const inDirectory = (files: Files, offset: number, value: number): Uint8Array => {
    const zip = Buffer.from(zipSync({ ...files }));
    zip.writeUInt32LE(value, zip.indexOf('PK\x01\x02') + offset);
    return zip;
  };

  test('whose file is larger or smaller than the zip says is refused, and no more is unpacked', async () => {
    const larger = inDirectory({ 'cats/1.png': Buffer.alloc(2 ** 24) }, 24, 1000);
    await expect(read({ file: larger })).rejects.toThrow(refusal(/^file\/cats\/1\.png cannot be read: too many bytes in the stream/));
    const smaller = inDirectory({ 'cats/1.png': Buffer.alloc(2 ** 16) }, 24, 2 ** 17);
    await expect(read({ file: smaller })).rejects.toThrow(refusal(/^file\/cats\/1\.png cannot be read: not enough bytes in the stream/));
  });

  test('that unpacks to more than the limit is refused before anything is unpacked', async () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`cats/${i}.png`, Buffer.alloc(2 ** 20)]));
    await expect(readZip(files, { bytes: 2 ** 23 })).rejects.toThrow(
      refusal('file: its files unpack to more than the limit of 8388608 bytes'),
    );
  });

  test.skipIf(!hasZip)('that is encrypted is refused once, with a remedy', async () => {
    const folder = await folderOf(animals);
    expect(spawnSync('zip', ['-q', '-r', '-D', '-P', 'secret', join(root, 'made.zip'), '.'], { cwd: folder }).status).toBe(0);
    expect(await faultsOf(read({ file: await readFile(join(root, 'made.zip')) }))).toEqual([
      expect.stringMatching(/^file\/(cats|dogs)\/\S+ and 2 more: is encrypted: zip it again without a password$/),
    ]);
  });

  test('that is packed by a rare method or holds a file twice is refused, with a remedy', async () => {
    const entry = (name: string, more: Partial<RawEntry> = {}): RawEntry => ({ name: Buffer.from(name), content: dot(1), ...more });
    expect(await faultsOf(read({ file: rawZip([entry('a/1.png', { method: 9 })]) }))).toEqual([
      'file/a/1.png: is compressed by Deflate64, which is not read: zip it again with Deflate, the usual method',
    ]);
    expect(await faultsOf(read({ file: rawZip([entry('a/1.png'), entry('a/1.png')]) }))).toEqual(['file: holds "a/1.png" twice']);
  });
});

describe('the archive of CIFAR-10', () => {
  test('has its batches as two parts, with the names of the classes', async () => {
    const names = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');
    const folder = await folderOf({
      'cifar-10-batches-bin/data_batch_1.bin': cifarBatch([1, 9]),
      'cifar-10-batches-bin/data_batch_2.bin': cifarBatch([3]),
      'cifar-10-batches-bin/test_batch.bin': cifarBatch([2]),
      'cifar-10-batches-bin/batches.meta.txt': Buffer.from(`${names.join('\n')}\n\n`),
      'cifar-10-batches-bin/readme.html': Buffer.from('<html></html>'),
    });
    const { splits, format } = await read({ file: gzipSync(tarOf(folder)) });
    expect([format, splits.train.length, splits.test?.length]).toEqual(['cifar', 3, 1]);
    expect([...splits.train.targets]).toEqual([1, 9, 3]);
    expect(classesOf(splits)).toEqual(names);
  });
});
