// Tests the decoder of simple PNG files: it returns the same pixels as sharp, and leaves all other files to sharp.
import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePlainPng } from '../../services/api/src/images/plainPng.ts';
import { type PngParts, plainPng, pngFile } from '../engine/data/imageFixtures.ts';

/** Compresses rows of pixels. Each row begins with the number of its filter. */
const withFilters = (rows: readonly (readonly number[])[]): Uint8Array => deflateSync(Uint8Array.from(rows.flat()));

describe('a plain PNG file', () => {
  test('of any size, colours and filters has the pixels that sharp reads', async () => {
    const images = fc
      .record({ width: fc.integer({ min: 1, max: 12 }), height: fc.integer({ min: 1, max: 12 }), color: fc.constantFrom(0, 2) })
      .chain(({ width, height, color }) => {
        const row = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: width * (color + 1), maxLength: width * (color + 1) });
        const filtered = fc.tuple(fc.integer({ min: 0, max: 4 }), row).map(([filter, values]) => [filter, ...values]);
        return fc
          .array(filtered, { minLength: height, maxLength: height })
          .map((rows) => pngFile({ width, height, color, rows: [], packed: withFilters(rows) }));
      });
    await fc.assert(
      fc.asyncProperty(images, async (file) => {
        const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
        const plain = decodePlainPng(file);
        // Sharp returns grey images with three equal channels.
        const expected = plain?.channels === 1 ? data.filter((_, i) => i % info.channels === 0) : data;
        expect(plain && { ...plain, data: [...plain.data] }).toEqual({
          width: info.width,
          height: info.height,
          channels: file[25] === 0 ? 1 : 3,
          data: [...expected],
        });
      }),
      { numRuns: 60 },
    );
  });

  test('with any byte changed or missing is left to sharp', () => {
    const file = plainPng(5, 4, 1, 2, 3);
    for (let at = 0; at < file.length; at++) {
      const changed = Uint8Array.from(file, (byte, i) => (i === at ? byte ^ 1 : byte));
      expect([at, decodePlainPng(changed), decodePlainPng(file.subarray(0, at))]).toEqual([at, null, null]);
    }
    expect(decodePlainPng(Buffer.concat([file, Buffer.of(0)]))).toBeNull();
  });

  const one: PngParts = { width: 1, height: 1, color: 0, rows: [[7]] };
  test.each<[string, PngParts]>([
    ['with too many pixels', { ...one, width: 257, height: 256, rows: [] }],
    ['with 16 bits per channel', { ...one, depth: 16, rows: [[7, 7]] }],
    ['with a palette', { ...one, color: 3, palette: [1, 2, 3], rows: [[0]] }],
    ['with alpha', { ...one, color: 4, rows: [[7, 255]] }],
    ['that is interlaced', { ...one, interlaced: true }],
    ['with a transparent colour', { ...one, extra: [['tRNS', Uint8Array.of(0, 7)]] }],
    ['with metadata', { ...one, extra: [['eXIf', Uint8Array.of(0)]] }],
    ['with a profile', { ...one, extra: [['iCCP', Uint8Array.of(0)]] }],
    ['with a filter that does not exist', { ...one, packed: withFilters([[5, 7]]) }],
    ['with too few rows', { ...one, height: 2 }],
    ['with too many rows', { ...one, rows: [[7], [7]] }],
    ['with bytes after its pixels', { ...one, packed: Buffer.concat([withFilters([[0, 7]]), Buffer.of(0)]) }],
    ['with a width of 0', { ...one, width: 0, rows: [] }],
  ])('%s is left to sharp', (_, parts) => {
    expect(decodePlainPng(pngFile(one))).toEqual({ width: 1, height: 1, channels: 1, data: Uint8Array.of(7) });
    expect(decodePlainPng(pngFile(parts))).toBeNull();
  });
});
