// Tests uploads of zips of images that are mixed, damaged, encrypted or malicious. Each is refused, and the response names all its faults.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReaderLimits } from '@trainyard/engine/data';
import { findOnPath } from '@trainyard/jobs';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { plainPng } from '../engine/data/imageFixtures.ts';
import { animals, dot, messagesOf, type Files, folderOf, read, readZip, temporaryFolder } from './fixtures/archives.ts';
import { type RawEntry, rawZip } from './fixtures/rawZip.ts';

const hasZip = findOnPath('zip', process.env['PATH'] ?? '') !== null;

const refusal = (message: string | RegExp): unknown =>
  expect.objectContaining({
    code: 'invalidDataFile',
    message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
  });

describe('is refused with all faults:', () => {
  test.each<[string, Files, string[]]>([
    ['nothing', {}, ['file: there are no images in class folders: expected class/name.png, one folder per class']],
    [
      'a table',
      { 'data.csv': Buffer.from('a,b\n1,2\n'), '__MACOSX/._data.csv': Uint8Array.of(1) },
      ['file: a zip must contain images, and this one contains none: "data.csv" is text. Send a CSV as it is, without the archive'],
    ],
    [
      'a pickle',
      { 'cifar-10-batches-py/data_batch_1': Buffer.from('\x80\x02}q\x01(U\x0bbatch_label', 'latin1') },
      [
        'file: a zip must contain images, and this one contains none: "cifar-10-batches-py/data_batch_1" is a CIFAR batch of the Python version (a pickle). Download the binary version, and send cifar-10-binary.tar.gz',
      ],
    ],
    [
      'files in no folder, and in folders that are too deep',
      { ...animals, '1.png': dot(1), 'cats/more/2.png': dot(1) },
      [
        'file: "cats/more/2.png" is in too many folders: expected class/name.png, one folder per class',
        'file: "1.png" is not in a class folder: expected class/name.png',
      ],
    ],
    [
      'files that are not images',
      {
        ...animals,
        'cats/notes.txt': Buffer.from('hello'),
        'cats/3.png': Uint8Array.of(1, 2, 3),
        'dogs/more.zip': zipSync({ 'a/1.png': dot(1) }),
        'dogs/x.heic': Buffer.from('\0\0\0\x1cftypheic\0\0\0\0'),
      },
      [
        'file/cats/3.png is of no known kind (its first bytes are 01 02 03), not an image: images are PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF',
        'file/cats/notes.txt is text, not an image: images are PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF',
        'file/dogs/more.zip is a zip, not an image: images are PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF',
        'file/dogs/x.heic is a HEIC image, which is not read: convert it to PNG or JPEG; an iPhone takes JPEGs with Settings > Camera > Formats > Most Compatible',
      ],
    ],
    [
      'other sizes',
      { ...animals, 'dogs/c.png': plainPng(2, 3, 1), 'dogs/d.png': plainPng(3, 2, 1, 2, 3), 'dogs/e.png': plainPng(2, 3, 1) },
      [
        'file: the images have 2 sizes (width×height): 3×2 (4, such as cats/10.PNG), 2×3 (2, such as dogs/c.png). Send imageSize to scale all images to one size, such as imageSize=[2,3] (height, width)',
      ],
    ],
  ])('%s', async (_, files, messages) => {
    expect((await messagesOf(readZip(files))).toSorted()).toEqual(messages.toSorted());
  });

  test('no fault: an image that has the common size after it is turned upright', async () => {
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
    expect(await messagesOf(readZip(broken))).toHaveLength(100);
  });

  test.each<[string, Partial<ReaderLimits>, RegExp]>([
    ['files', { files: 2 }, /^file: 3 files are over the limit of 2$/],
    ['pixels', { pixels: 5 }, /^file\/cats\/10\.PNG: an image of 3×2 has 6 pixels, which is over the limit of 5$/],
    ['bytes of a file', { fileBytes: 20 }, /^file\/cats\/10\.PNG: \d+ bytes are over the limit of 20 for an image file$/],
    ['classes', { classes: 1 }, /^file: 2 class folders are over the limit of 1$/],
  ])('too many %s', async (_, limits, message) => {
    await expect(readZip(animals, limits)).rejects.toThrow(refusal(message));
  });
});

describe('a zip', () => {
  test.skipIf(!hasZip)('that another program made, with entries for folders, is read', async () => {
    const folder = await folderOf(animals);
    const made = join(await temporaryFolder(), 'made.zip');
    expect(spawnSync('zip', ['-q', '-r', made, '.'], { cwd: folder }).status).toBe(0);
    expect((await read({ file: await readFile(made) })).splits.train.length).toBe(3);
  });

  test('that is cut off or damaged is refused', async () => {
    const whole = zipSync({ ...animals });
    await expect(read({ file: whole.subarray(0, whole.length - 30) })).rejects.toThrow(refusal(/^file cannot be read: /));
    await expect(read({ file: Buffer.from('PK\x03\x04\0\0\0') })).rejects.toThrow(refusal(/^file cannot be read: /));
  });

  /** Replaces a 32-bit number of the first entry in the central directory, whose entries begin with "PK\x01\x02". */
  const inDirectory = (files: Files, offset: number, value: number): Uint8Array => {
    const zip = Buffer.from(zipSync({ ...files }));
    zip.writeUInt32LE(value, zip.indexOf('PK\x01\x02') + offset);
    return zip;
  };

  test('with a file that is larger or smaller than the size in its entry is refused, and nothing more is unpacked', async () => {
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

  test.skipIf(!hasZip)('that is encrypted is refused with one fault for all files, and a remedy', async () => {
    const folder = await folderOf(animals);
    const made = join(await temporaryFolder(), 'made.zip');
    expect(spawnSync('zip', ['-q', '-r', '-D', '-P', 'secret', made, '.'], { cwd: folder }).status).toBe(0);
    expect(await messagesOf(read({ file: await readFile(made) }))).toEqual([
      expect.stringMatching(/^file\/(cats|dogs)\/\S+ and 2 more: is encrypted: zip it again without a password$/),
    ]);
  });

  test('with a rare compression method or two files of one name is refused', async () => {
    const entry = (name: string, more: Partial<RawEntry> = {}): RawEntry => ({ name: Buffer.from(name), content: dot(1), ...more });
    expect(await messagesOf(read({ file: rawZip([entry('a/1.png', { method: 9 })]) }))).toEqual([
      'file/a/1.png: is compressed by Deflate64, which is not read: zip it again with Deflate, the usual method',
    ]);
    expect(await messagesOf(read({ file: rawZip([entry('a/1.png'), entry('a/1.png')]) }))).toEqual(['file: holds "a/1.png" twice']);
  });
});
