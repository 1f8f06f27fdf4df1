// Uploads of images of several sizes, colours and backgrounds: which samples they become, what is decided for the user, and what is refused.
import { createHash } from 'node:crypto';
import { npzPieces } from '@trainyard/engine/data';
import type { ReadUpload } from '@trainyard/engine/node';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { plainPng, pngFile } from '../engine/data/imageFixtures.ts';
import { type Files, messagesOf, read } from './fixtures/archives.ts';

const readWith = async (fields: Readonly<Record<string, string>>, files: Files, testFiles?: Files): Promise<ReadUpload> =>
  await read({ file: zipSync({ ...files }), ...(testFiles !== undefined && { testFile: zipSync({ ...testFiles }) }) }, {}, fields);

/** A grey image whose left half is black and whose right half is white. */
const halves = (width: number, height: number): Uint8Array =>
  pngFile({
    width,
    height,
    color: 0,
    rows: Array.from({ length: height }, () => Array.from({ length: width }, (_, x) => (2 * x < width ? 0 : 255))),
  });

describe('imageSize', () => {
  const files = { 'a/wide.png': halves(8, 4), 'a/tall.png': plainPng(4, 8, 30), 'b/small.png': plainPng(2, 2, 7) };

  test('gives images of all sizes one size', async () => {
    const { splits, preparation, taken } = await readWith({ imageSize: '[4,4]' }, files);
    expect(splits.train).toMatchObject({ length: 3, inputShape: [1, 4, 4] });
    expect(preparation.images).toEqual({ size: [4, 4], fit: 'crop', mode: 'grey', background: '#ffffff' });
    expect([...splits.train.inputs.subarray(0, 16)]).toEqual(new Array(16).fill(30));
    // The middle of the wide image is its edge.
    expect([...splits.train.inputs.subarray(16, 20)]).toEqual([0, 0, 255, 255]);
    expect([...splits.train.inputs.subarray(32)]).toEqual(new Array(16).fill(7));
    expect(taken).toEqual([{ field: 'imageFit', value: 'crop', reason: '2 images were scaled to fill the size, and cut at two sides.' }]);
  });

  test('may be one number, and makes images smaller with every pixel counted', async () => {
    const { splits, preparation } = await readWith({ imageSize: '1' }, { 'a/1.png': halves(8, 8) });
    expect(preparation.images?.size).toEqual([1, 1]);
    expect(splits.train.inputs[0]).toBe(128);
  });

  test.each(['0', '[4]', '[4,0]', '[4,4,4]', '4x4', '[4,4.5]', '100000', '-3', ''])('is refused if it is %s', async (imageSize) => {
    await expect(readWith({ imageSize }, files)).rejects.toThrow('must be height and width such as [224,224], or one number');
  });

  test('that needs too much memory is refused with the number of bytes', async () => {
    const file = zipSync(files);
    await expect(read({ file }, { bytes: 5_000 }, { imageSize: '50' })).rejects.toThrow(
      'file: 3 samples of shape [1, 50, 50] take 7512 bytes, which is over the limit of 5000: send a smaller imageSize, such as imageSize=[4,4]',
    );
  });

  test('is asked for if the sizes differ, with all sizes, their counts and a proposal', async () => {
    const photos = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`a/${i}.png`, plainPng(300 + 10 * (i % 2), 240, i)]));
    expect(await messagesOf(readWith({}, photos))).toEqual([
      'file: the images have 2 sizes (width×height): 300×240 (3, such as a/0.png), 310×240 (2, such as a/1.png). Send imageSize to scale all images to one size, such as imageSize=[224,224] (height, width)',
    ]);
    expect(await messagesOf(readWith({}, { 'a/1.png': plainPng(30, 20, 1) }, { 'a/1.png': plainPng(20, 30, 1) }))).toEqual([
      expect.stringMatching(/^file: the images have 2 sizes .* such as imageSize=\[20,30\]/),
    ]);
    const many = Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`a/${i}.png`, plainPng(i + 1, 9, 1)]));
    expect(await messagesOf(readWith({}, many))).toEqual([expect.stringMatching(/have 13 sizes .* and 3 more sizes\. /)]);
  });
});

describe('imageFit', () => {
  const samples = async (imageFit: string, file: Uint8Array, imageBackground = '#000000'): Promise<number[]> => [
    ...(await readWith({ imageSize: '4', imageFit, imageBackground }, { 'a/1.png': file })).splits.train.inputs,
  ];

  test('pad keeps the whole image and adds the background', async () => {
    const wide = [0, 0, 0, 0, 90, 90, 90, 90, 90, 90, 90, 90, 0, 0, 0, 0];
    expect(await samples('pad', plainPng(8, 4, 90))).toEqual(wide);
    expect(await samples('pad', plainPng(1, 4, 90))).toEqual([0, 90, 0, 0, 0, 90, 0, 0, 0, 90, 0, 0, 0, 90, 0, 0]);
  });

  test('pad of a grey image on a background with a colour gives colours', async () => {
    const { splits } = await readWith(
      { imageSize: '[1,2]', imageFit: 'pad', imageBackground: '#FF0010', imageMode: 'rgb' },
      { 'a/1.png': plainPng(1, 1, 90) },
    );
    expect([...splits.train.inputs]).toEqual([90, 255, 90, 0, 90, 16]);
  });

  test('stretch scales both sides', async () => {
    // Pillow gives 13 and 242 next to the edge.
    expect(await samples('stretch', halves(8, 2))).toEqual([0, 13, 242, 255, 0, 13, 242, 255, 0, 13, 242, 255, 0, 13, 242, 255]);
  });

  test('must be a known one', async () => {
    await expect(readWith({ imageFit: 'cover' }, {})).rejects.toThrow(/crop.*pad.*stretch/);
  });
});

describe('imageMode', () => {
  const [grey, colour] = [plainPng(1, 1, 50), plainPng(1, 1, 255, 0, 0)];
  const mode = async (files: Files, fields = {}): Promise<readonly [string | undefined, number[], readonly unknown[]]> => {
    const { splits, preparation, taken } = await readWith(fields, files);
    return [preparation.images?.mode, [...splits.train.inputs], taken];
  };

  test('is rgb if at least half of the files store colour, and taken says so', async () => {
    const decided = { field: 'imageMode', value: 'rgb', reason: '1 of 2 images store colours, the others only grey values.' };
    expect(await mode({ 'a/1.png': grey, 'a/2.png': colour })).toEqual(['rgb', [50, 50, 50, 255, 0, 0], [decided]]);
  });

  test('is grey if most files store grey, with the luma of the others', async () => {
    const decided = { field: 'imageMode', value: 'grey', reason: '1 of 3 images store colours, the others only grey values.' };
    expect(await mode({ 'a/1.png': grey, 'a/2.png': colour, 'a/3.png': grey })).toEqual(['grey', [50, 76, 50], [decided]]);
  });

  test('of the form is used', async () => {
    expect(await mode({ 'a/1.png': grey, 'a/2.png': colour }, { imageMode: 'grey' })).toEqual(['grey', [50, 76], []]);
    expect(await mode({ 'a/1.png': grey }, { imageMode: 'rgb' })).toEqual(['rgb', [50, 50, 50], []]);
  });

  test('is the same for the test file', async () => {
    const { splits } = await readWith({}, { 'a/1.png': colour, 'a/2.png': colour }, { 'a/9.png': grey });
    expect([...(splits.test?.inputs ?? [])]).toEqual([50, 50, 50]);
  });
});

test('imageBackground is the colour under transparent pixels', async () => {
  const clear = pngFile({ width: 2, height: 1, color: 6, rows: [[1, 2, 3, 255, 100, 0, 200, 0]] });
  const samples = async (fields: Readonly<Record<string, string>>) => [
    ...(await readWith(fields, { 'a/1.png': clear })).splits.train.inputs,
  ];
  expect(await samples({})).toEqual([1, 255, 2, 255, 3, 255]);
  expect(await samples({ imageBackground: '#102030' })).toEqual([1, 16, 2, 32, 3, 48]);
  expect((await readWith({}, { 'a/1.png': clear })).taken).toEqual([
    { field: 'imageBackground', value: '#ffffff', reason: '1 image was transparent and now on white' },
  ]);
  await expect(readWith({ imageBackground: 'white' }, {})).rejects.toThrow('must be a colour such as #ffffff');
});

test('fields of images are refused for other files', async () => {
  await expect(read({ file: Buffer.from('a,b\n1,x\n') }, {}, { imageSize: '4' })).rejects.toThrow('imageSize is for images');
});

test('bad images are listed together with their names, also next to images of other sizes', async () => {
  const cut = (
    await sharp({ create: { width: 40, height: 40, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer()
  ).subarray(0, -20);
  const vast = pngFile({ width: 60_000, height: 60_000, color: 2, rows: [[1]] });
  const heic = Buffer.from('\0\0\0\x1cftypheic\0\0\0\0');
  const files = { 'a/ok.png': plainPng(4, 4, 1), 'a/cut.jpg': cut, 'b/vast.png': vast, 'b/x.heic': heic };
  expect(await messagesOf(readWith({ imageSize: '8' }, files))).toEqual([
    expect.stringMatching(/^file\/a\/cut\.jpg is a damaged JPEG file: /),
    'file/b/vast.png: an image of 60000×60000 has 3600000000 pixels, which is over the limit of 67108864',
    expect.stringMatching(/^file\/b\/x\.heic is a HEIC image, which is not read: convert it to PNG or JPEG/),
  ]);
});

test('the progress counts the bytes of the upload, up to its size', async () => {
  const file = zipSync({ 'a/1.png': plainPng(30, 30, 1), 'a/2.png': plainPng(20, 20, 2), 'a/.DS_Store': Buffer.alloc(99) }, { level: 0 });
  const { read: bytes, skipped } = await counted(file);
  expect(Math.round(bytes)).toBe(file.length);
  expect(skipped).toBe(1);
});

/** Reads a zip, and returns the bytes that were reported as read. */
async function counted(file: Uint8Array): Promise<{ readonly read: number; readonly skipped: number | null }> {
  let bytes = 0;
  const { skipped } = await read({ file }, {}, { imageSize: '5' }, (more) => {
    bytes += more;
  });
  return { read: bytes, skipped };
}

test('the same pixels that were prepared in another way are another dataset', async () => {
  const digestOf = ({ splits, preparation }: ReadUpload): string =>
    createHash('sha256')
      .update(Buffer.concat([...npzPieces(splits, preparation)]))
      .digest('hex');
  const files = { 'a/1.png': plainPng(4, 4, 1) };
  const [plain, same, padded] = [{}, { imageSize: '4' }, { imageFit: 'pad' }].map(async (fields: Readonly<Record<string, string>>) =>
    digestOf(await readWith(fields, files)),
  );
  expect(await plain).toBe(await same);
  expect(await plain).not.toBe(await padded);
});
