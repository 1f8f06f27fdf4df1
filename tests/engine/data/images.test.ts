// PNG and JPEG files to pixels: every form that is read, and files that are cut off, damaged or lie about their size.
import { deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../../packages/engine/src/data/images/image.ts';
import { greyJpeg, plainJpeg, plainPng, type PngParts, pngFile } from './imageFixtures.ts';

const decoded = (bytes: Uint8Array, maxPixels = 10_000) => {
  const { data, ...shape } = decodeImage({ name: 'f', bytes }, maxPixels);
  return { ...shape, data: [...data] };
};
const refused = (bytes: Uint8Array, message: string | RegExp, maxPixels?: number): void => {
  const matching: unknown = typeof message === 'string' ? message : expect.stringMatching(message);
  expect(() => decoded(bytes, maxPixels)).toThrow(expect.objectContaining({ code: 'invalidDataFile', message: matching }));
};

describe('a PNG file', () => {
  const cases: readonly [string, PngParts, number, number[]][] = [
    [
      'grey',
      {
        width: 2,
        height: 2,
        color: 0,
        rows: [
          [1, 2],
          [3, 255],
        ],
      },
      1,
      [1, 2, 3, 255],
    ],
    [
      'grey of 1 bit',
      {
        width: 10,
        height: 2,
        depth: 1,
        color: 0,
        rows: [
          [0b10000001, 0b01000000],
          [0, 0xc0],
        ],
      },
      1,
      [255, 0, 0, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255],
    ],
    ['grey of 4 bits', { width: 3, height: 1, depth: 4, color: 0, rows: [[0x0f, 0x50]] }, 1, [0, 255, 85]],
    ['colour', { width: 2, height: 1, color: 2, rows: [[1, 2, 3, 4, 5, 6]] }, 3, [1, 2, 3, 4, 5, 6]],
    [
      'a palette',
      { width: 3, height: 1, depth: 2, color: 3, palette: [9, 8, 7, 1, 2, 3], rows: [[0b01000100]] },
      3,
      [1, 2, 3, 9, 8, 7, 1, 2, 3],
    ],
    ['grey with opaque alpha', { width: 2, height: 1, color: 4, rows: [[7, 255, 8, 255]] }, 1, [7, 8]],
    [
      'colour with opaque alpha',
      {
        width: 1,
        height: 2,
        color: 6,
        rows: [
          [1, 2, 3, 255],
          [4, 5, 6, 255],
        ],
      },
      3,
      [1, 2, 3, 4, 5, 6],
    ],
  ];
  test.each(cases)('is read: %s', (_, parts, channels, data) => {
    expect(decoded(pngFile(parts))).toEqual({ width: parts.width, height: parts.height, channels, data });
  });

  test('is read with every filter that an encoder chooses, and when it lies in a larger buffer', () => {
    const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * i) >> 4);
    const around = new Uint8Array(10_000);
    const file = encode({ width: 40, height: 30, channels: 3, data });
    around.set(file, 5);
    expect(decoded(around.subarray(5, 5 + file.length)).data).toEqual([...data]);
  });

  const good = plainPng(4, 4, 100);
  test('is refused when it is cut off anywhere', () => {
    for (let length = 8; length < good.length; length++) {
      expect(() => decoded(good.subarray(0, length)), `${length} bytes`).toThrow(expect.objectContaining({ code: 'invalidDataFile' }));
    }
    refused(good.subarray(0, 20), 'f: the chunk "IHDR" at byte 8 ends at byte 33, but the file has 20');
  });

  test('is refused when any byte of its pixels was changed', () => {
    const changed = Uint8Array.from(good);
    changed[44] ^= 0x10;
    refused(changed, /^f: (a damaged PNG file|its pixels unpack)/);
  });

  test('is refused when it is larger than allowed, before anything is unpacked', () => {
    refused(
      pngFile({ width: 50_000, height: 50_000, color: 2, rows: [] }),
      'f: an image of 50000×50000 has 2500000000 pixels, which is over the limit of 10000',
    );
    refused(plainPng(4, 4, 100), 'f: an image of 4×4 has 16 pixels, which is over the limit of 15', 15);
    refused(pngFile({ width: 0, height: 4, color: 0, rows: [] }), 'f: an image of 0×4 has no pixels');
  });

  test('is refused when its pixels unpack to more than its size needs: a bomb is not unpacked', () => {
    const bomb = pngFile({ width: 10, height: 10, color: 0, rows: [], packed: deflateSync(Buffer.alloc(2 ** 28)) });
    const before = process.memoryUsage().rss;
    refused(bomb, 'f: its pixels unpack to more than the 110 bytes that 10×10 takes');
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27);
    const interlaced = pngFile({ width: 10, height: 10, color: 0, interlaced: true, rows: [], packed: deflateSync(Buffer.alloc(2 ** 20)) });
    refused(interlaced, 'f: its pixels unpack to more than the 284 bytes that 10×10 takes');
  });

  test('does not unpack what else is packed in it', () => {
    const profile = Buffer.concat([Buffer.from('name\0\0'), deflateSync(Buffer.alloc(2 ** 26))]);
    expect(decoded(pngFile({ width: 1, height: 1, color: 0, rows: [[5]], extra: [['iCCP', profile]] })).data).toEqual([5]);
  });

  test.each([
    ['too few pixels', pngFile({ width: 2, height: 3, color: 0, rows: [[1, 2]] }), 'f: its pixels unpack to 3 bytes, but 2×3 takes 9'],
    [
      'transparent pixels',
      pngFile({
        width: 1,
        height: 2,
        color: 4,
        rows: [
          [1, 255],
          [1, 254],
        ],
      }),
      'f: has transparent pixels, the first in row 1: save it without transparency',
    ],
    ['16 bits', pngFile({ width: 1, height: 1, depth: 16, color: 0, rows: [[1, 2]] }), 'f: 16 bits a channel are not read: save it with 8'],
    ['an unknown colour type', pngFile({ width: 1, height: 1, color: 5, rows: [[1]] }), 'f: there is no PNG of colour type 5 with 8 bits'],
    [
      'a colour that its palette lacks',
      pngFile({ width: 1, height: 1, color: 3, palette: [1, 2, 3], rows: [[1]] }),
      /^f: a damaged PNG file/,
    ],
    ['nothing after its signature', good.subarray(0, 8), 'f: cut off at byte 8, before its end'],
  ])('is refused for %s', (_, bytes, message) => refused(bytes, message));
});

describe('a JPEG file', () => {
  test('is read in grey and in colour', () => {
    expect(decoded(greyJpeg)).toEqual({ width: 8, height: 8, channels: 1, data: new Array(64).fill(200) });
    const { data, ...shape } = decoded(plainJpeg(5, 3, 200, 100, 50));
    expect(shape).toEqual({ width: 5, height: 3, channels: 3 });
    data.forEach((value, i) => expect(Math.abs(value - [200, 100, 50][i % 3])).toBeLessThanOrEqual(2));
  });

  test('is refused when it is cut off anywhere', () => {
    const file = plainJpeg(16, 16, 1, 2, 3);
    for (let length = 3; length < file.length; length += 7) {
      expect(() => decoded(file.subarray(0, length)), `${length} bytes`).toThrow(expect.objectContaining({ code: 'invalidDataFile' }));
    }
  });

  test('is refused when it is larger than it may be, before anything is unpacked', () => {
    const huge = Uint8Array.from(greyJpeg);
    huge.set([0xff, 0xff, 0xff, 0xff], 2 + 69 + 5);
    refused(huge, 'f: an image of 65535×65535 has 4294836225 pixels, which is over the limit of 10000');
  });

  test('is refused for more components than colours, and for a kind that is not read', () => {
    const changed = (at: number, value: number) => Uint8Array.from(greyJpeg, (byte, i) => (i === at ? value : byte));
    refused(changed(2 + 69 + 9, 4), 'f: a JPEG of 4 components, read are 1 (grey) and 3 (colour)');
    refused(changed(2 + 69 + 1, 0xc9), 'f: a JPEG of kind 0xc9, read are baseline and progressive ones');
  });
});

test('a file that is neither is refused', () => {
  refused(Buffer.from('GIF89a'), 'f: neither a PNG nor a JPEG file');
  refused(new Uint8Array(), 'f: neither a PNG nor a JPEG file');
});
