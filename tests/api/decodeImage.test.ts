// Image files to pixels, as Pillow and browsers show them: every form that is read, and files that are cut off, damaged or lie about
// their size.
import { deflateSync } from 'node:zlib';
import { DataFormatError, type DecodedImage } from '@trainyard/engine/data';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../services/api/src/images/decodeImage.ts';
import { greyJpeg, plainPng, type PngParts, pngFile } from '../engine/data/imageFixtures.ts';

const decode = async (bytes: Uint8Array, maxPixels = 10_000): Promise<DecodedImage> => await decodeImage({ name: 'f', bytes }, maxPixels);
const listed = async (bytes: Uint8Array) => {
  const { width, height, channels, data } = await decode(bytes);
  return { width, height, channels, data: [...data] };
};
const refused = async (bytes: Uint8Array, message: string | RegExp, maxPixels?: number): Promise<void> => {
  const matching: unknown = typeof message === 'string' ? message : expect.stringMatching(message);
  await expect(decode(bytes, maxPixels)).rejects.toThrow(expect.objectContaining({ code: 'invalidDataFile', message: matching }));
};

/** Red, green, blue and grey quarters, 3 wide and 2 high: pixel (row, column) is its own number in each channel. */
const pixels = Uint8Array.from({ length: 18 }, (_, i) => 20 + 10 * Math.floor(i / 3) + (i % 3));
const raw = () => sharp(pixels, { raw: { width: 3, height: 2, channels: 3 } });
const at = ({ width, channels, data }: DecodedImage, row: number, column: number): number => data[(row * width + column) * channels] ?? -1;

describe('a PNG file', () => {
  const wide = { width: 2, height: 1 };
  test.each<[string, PngParts, number, number[]]>([
    ['grey', { ...wide, color: 0, rows: [[1, 255]] }, 1, [1, 255]],
    [
      'grey of 1 bit',
      { width: 10, height: 1, depth: 1, color: 0, rows: [[0b10000001, 0b01000000]] },
      1,
      [255, 0, 0, 0, 0, 0, 0, 255, 0, 255],
    ],
    ['grey of 4 bits', { width: 3, height: 1, depth: 4, color: 0, rows: [[0x0f, 0x50]] }, 1, [0, 255, 85]],
    ['grey of 16 bits, of which the upper 8 count', { ...wide, depth: 16, color: 0, rows: [[0x12, 0xff, 0xfe, 0x01]] }, 1, [0x12, 0xfe]],
    ['colour', { ...wide, color: 2, rows: [[1, 2, 3, 4, 5, 6]] }, 3, [1, 2, 3, 4, 5, 6]],
    ['colour of 16 bits', { width: 1, height: 1, depth: 16, color: 2, rows: [[1, 200, 2, 0, 3, 127]] }, 3, [1, 2, 3]],
    [
      'a palette',
      { width: 3, height: 1, depth: 2, color: 3, palette: [9, 8, 7, 1, 2, 3], rows: [[0b01000100]] },
      3,
      [1, 2, 3, 9, 8, 7, 1, 2, 3],
    ],
    ['grey with alpha, on white', { ...wide, color: 4, rows: [[7, 255, 8, 0]] }, 1, [7, 255]],
    ['colour with alpha, on white', { ...wide, color: 6, rows: [[1, 2, 3, 255, 100, 0, 200, 51]] }, 3, [1, 2, 3, 224, 204, 244]],
    ['a colour that stands for transparency', { ...wide, color: 0, rows: [[7, 8]], extra: [['tRNS', Uint8Array.of(0, 7)]] }, 1, [255, 8]],
  ])('is read: %s', async (_, parts, channels, data) => {
    expect(await listed(pngFile(parts))).toEqual({ width: parts.width, height: parts.height, channels, data });
  });

  test('is read when it is interlaced, and when it lies in a larger buffer', async () => {
    const file = await raw().png({ progressive: true }).toBuffer();
    const around = new Uint8Array(file.length + 10);
    around.set(file, 5);
    expect(await listed(around.subarray(5, 5 + file.length))).toEqual({ width: 3, height: 2, channels: 3, data: [...pixels] });
  });

  test('says whether it was transparent', async () => {
    expect((await decode(pngFile({ width: 1, height: 1, color: 4, rows: [[7, 255]] }))).isTransparent).toBe(false);
    expect((await decode(pngFile({ width: 1, height: 1, color: 4, rows: [[7, 254]] }))).isTransparent).toBe(true);
  });

  const good = plainPng(4, 4, 100);
  test('is refused when it is cut off anywhere in its pixels, and when they were changed', async () => {
    for (let length = 0; length < good.length - 12; length++) {
      await expect(decode(good.subarray(0, length)), `${length} bytes`).rejects.toThrow(DataFormatError);
    }
    const changed = Uint8Array.from(good);
    changed[44] = (changed[44] ?? 0) ^ 0x10;
    await refused(changed, /^f is a damaged PNG file: /);
  });

  test('is refused when it is larger than allowed, before anything is unpacked', async () => {
    await refused(
      pngFile({ width: 50_000, height: 50_000, color: 2, rows: [] }),
      'f: an image of 50000×50000 has 2500000000 pixels, which is over the limit of 10000',
    );
    await refused(good, 'f: an image of 4×4 has 16 pixels, which is over the limit of 15', 15);
    await refused(pngFile({ width: 0, height: 4, color: 0, rows: [] }), /^f is a damaged PNG file/);
  });

  test('whose pixels unpack to far more than its size needs takes no memory for them', async () => {
    const bomb = pngFile({ width: 10, height: 10, color: 0, rows: [], packed: deflateSync(Buffer.alloc(2 ** 28)) });
    const before = process.memoryUsage().rss;
    await decode(bomb).catch(() => null);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27);
  });
});

describe('a JPEG file', () => {
  test('is read in grey and in colour, progressive too', async () => {
    expect(await listed(greyJpeg)).toEqual({ width: 8, height: 8, channels: 1, data: new Array(64).fill(200) });
    const plain = sharp({ create: { width: 5, height: 3, channels: 3, background: { r: 200, g: 100, b: 50 } } });
    for (const progressive of [false, true]) {
      const image = await decode(await plain.jpeg({ quality: 100, progressive, chromaSubsampling: '4:4:4' }).toBuffer());
      expect(image).toMatchObject({ width: 5, height: 3, channels: 3 });
      image.data.forEach((value, i) => expect(Math.abs(value - [200, 100, 50][i % 3])).toBeLessThanOrEqual(2));
    }
  });

  test('that is stored as RGB, as Photoshop writes it, has its colours', async () => {
    // Three components of one flat block each: (200, 30, 40) without any transform, which the Adobe segment says.
    expect([...(await decode(flatJpeg([200, 30, 40], 0))).data.subarray(0, 3)]).toEqual([200, 30, 40]);
    // The same numbers as YCbCr are another colour.
    const [red] = (await decode(flatJpeg([200, 30, 40], 1))).data;
    expect(Math.abs((red ?? 0) - (200 + 1.402 * (40 - 128)))).toBeLessThanOrEqual(1);
  });

  test('in CMYK has the colours that Pillow and browsers show', async () => {
    // As Adobe has it, all inks are stored the other way round: 255 is none.
    const { channels, data } = await decode(flatJpeg([55, 255, 155, 205], 0));
    // Cyan 200, magenta 0, yellow 100, black 50: 255 - 50 - ink × 205 / 255.
    expect([channels, ...data.subarray(0, 3)]).toEqual([3, 205 - 161, 205, 205 - 80]);
  });

  test('is refused when it is cut off anywhere', async () => {
    const file = await sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    for (let length = 0; length < file.length - 2; length += 7) {
      await expect(decode(file.subarray(0, length)), `${length} bytes`).rejects.toThrow(DataFormatError);
    }
  });

  test('over the limit of pixels is refused before it is decompressed', async () => {
    const huge = Uint8Array.from(greyJpeg);
    huge.set([0xfd, 0xe8, 0xfd, 0xe8], 2 + 69 + 5);
    await refused(huge, 'f: an image of 65000×65000 has 4225000000 pixels, which is over the limit of 10000');
  });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('an image with the orientation %i in its EXIF data is turned upright', async (orientation) => {
  // Where the stored image's top left corner, and its neighbour in the row, are shown.
  const shown: Record<number, [number, number][]> = {
    1: [
      [0, 0],
      [0, 1],
    ],
    2: [
      [0, 2],
      [0, 1],
    ],
    3: [
      [1, 2],
      [1, 1],
    ],
    4: [
      [1, 0],
      [1, 1],
    ],
    5: [
      [0, 0],
      [1, 0],
    ],
    6: [
      [0, 1],
      [1, 1],
    ],
    7: [
      [2, 1],
      [1, 1],
    ],
    8: [
      [2, 0],
      [1, 0],
    ],
  };
  for (const format of ['png', 'webp', 'tiff'] as const) {
    const file = await raw().withMetadata({ orientation }).toFormat(format, { lossless: true, compression: 'lzw' }).toBuffer();
    const image = await decode(file);
    expect(image).toMatchObject(orientation < 5 ? { width: 3, height: 2 } : { width: 2, height: 3 });
    expect(image.isRotated).toBe(orientation > 1);
    expect(
      (shown[orientation] ?? []).map(([row, column]) => at(image, row, column)),
      format,
    ).toEqual([20, 30]);
  }
});

test('colours of a profile become sRGB, and those of sRGB stay as they are', async () => {
  const stored = await raw().png().withIccProfile('p3').toBuffer();
  const image = await decode(stored);
  expect(image.isConverted).toBe(true);
  image.data.forEach((value, i) => expect(Math.abs(value - (pixels[i] ?? 0))).toBeLessThanOrEqual(2));
  const plain = await decode(await raw().png().withIccProfile('srgb').toBuffer());
  expect([plain.isConverted, ...plain.data]).toEqual([false, ...pixels]);
});

describe('other formats', () => {
  test.each(['webp', 'tiff', 'gif', 'avif'] as const)('%s is read', async (format) => {
    const file = await raw().toFormat(format, { lossless: true, compression: 'lzw' }).toBuffer();
    const image = await decode(file);
    expect(image).toMatchObject({ width: 3, height: 2, channels: 3 });
    // AVIF's colours are rounded once more, and a GIF has a palette.
    image.data.forEach((value, i) =>
      expect(Math.abs(value - (pixels[i] ?? 0))).toBeLessThanOrEqual(format === 'webp' || format === 'tiff' ? 0 : 3),
    );
  });

  test('of an animation the first image is taken', async () => {
    const frames = Buffer.concat([Buffer.alloc(12, 10), Buffer.alloc(12, 200)]);
    const file = await sharp(frames, { raw: { width: 2, height: 4, channels: 3, pageHeight: 2 } })
      .gif()
      .toBuffer();
    expect(await listed(file)).toEqual({ width: 2, height: 2, channels: 3, data: new Array<number>(12).fill(10) });
  });

  test.each<[string, Uint8Array, string]>([
    [
      'a HEIC image',
      Buffer.from('\0\0\0\x1cftypheic\0\0\0\0'),
      'f is a HEIC image, which is not read: convert it to PNG or JPEG; an iPhone',
    ],
    ['a BMP that is cut off', Buffer.from([0x42, 0x4d, 60, 0, 0, 0, 0, 0, 0, 0]), 'f is a damaged BMP file: its header is cut off'],
    ['an SVG drawing', Buffer.from('<svg width="1" height="1"/>'), 'f is an SVG drawing, which is not read'],
    ['text', Buffer.from('hello'), 'f is text, not an image: images are PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF'],
    ['a PDF', Buffer.from('%PDF-1.7'), 'f is a PDF file, not an image'],
    ['bytes', Uint8Array.of(0xff, 1, 0, 2), 'f is of no known kind (its first bytes are ff 01 00 02), not an image'],
    ['nothing', new Uint8Array(), 'f is empty: it has 0 bytes'],
  ])('%s is refused by its name', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toThrow(message);
  });
});

test('files with changed bytes are decoded or refused, and never crash the decoder', async () => {
  const files = [
    plainPng(5, 4, 9, 8, 7),
    greyJpeg,
    ...(await Promise.all((['webp', 'tiff', 'gif', 'avif'] as const).map(async (format) => await raw().toFormat(format).toBuffer()))),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      async (file, changes) => {
        const bytes = Uint8Array.from(file);
        for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
        try {
          const { width, height, channels, data } = await decode(bytes);
          expect(data).toHaveLength(width * height * channels);
        } catch (error) {
          expect(error).toBeInstanceOf(DataFormatError);
        }
      },
    ),
    { numRuns: 300 },
  );
});

/** A JPEG of 8×8 pixels whose components have these values everywhere, with Adobe's segment that says how they are transformed. */
function flatJpeg(values: readonly number[], transform: number): Uint8Array {
  const n = values.length;
  const bits = values.map((value) => {
    // The only coefficient of a block is 8 × (value - 128); its category is coded in 4 bits, then its bits; 0 ends the block.
    const dc = 8 * (value - 128);
    const size = dc === 0 ? 0 : Math.floor(Math.log2(Math.abs(dc))) + 1;
    const code = size === 0 ? '' : (dc > 0 ? dc : dc + 2 ** size - 1).toString(2).padStart(size, '0');
    return `${size.toString(2).padStart(4, '0')}${code}0`;
  });
  const stream =
    bits
      .join('')
      .match(/.{1,8}/g)
      ?.map((byte) => Number.parseInt(byte.padEnd(8, '1'), 2)) ?? [];
  return Buffer.concat(
    [
      [0xff, 0xd8],
      [0xff, 0xee, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, transform],
      [0xff, 0xdb, 0, 67, 0, ...new Array<number>(64).fill(1)],
      [0xff, 0xc0, 0, 8 + 3 * n, 8, 0, 8, 0, 8, n, ...values.flatMap((_, i) => [i + 1, 0x11, 0])],
      // Categories 0 to 11 in four bits each.
      [0xff, 0xc4, 0, 31, 0x00, 0, 0, 0, 12, ...new Array<number>(12).fill(0), ...Array.from({ length: 12 }, (_, i) => i)],
      [0xff, 0xc4, 0, 20, 0x10, 1, ...new Array<number>(15).fill(0), 0],
      [0xff, 0xda, 0, 6 + 2 * n, n, ...values.flatMap((_, i) => [i + 1, 0]), 0, 63, 0],
      stream.flatMap((byte) => (byte === 0xff ? [0xff, 0] : [byte])),
      [0xff, 0xd9],
    ].map((part) => Buffer.from(part)),
  );
}
