// Images of every format become the pixels that Pillow gives: upright, with its colours, and scaled by its Lanczos filter.
// fixtures/pillowImages.py made the files and the pixels.
import { colourOf, decodingFor } from '@trainyard/engine/data';
import { imageSample } from '@trainyard/engine/spec';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { openImage } from '../../services/api/src/images/decodeImage.ts';
import pillow from './fixtures/pillowImages.json' with { type: 'json' };

interface Result {
  readonly size: readonly [number, number];
  readonly fit: 'crop' | 'pad' | 'stretch';
  readonly mode: 'rgb' | 'grey';
  readonly background: string;
}

/** Returns the sample of an image with its channels interleaved, as Pillow has them. */
async function prepared(bytes: Uint8Array, preparation: Result, least = decodingFor): Promise<Uint8Array> {
  const opened = await openImage({ name: 'f', bytes }, 1e8);
  const image = await opened.decode(least(opened, preparation, colourOf(preparation.background)));
  const planes = imageSample(image, opened, preparation);
  const [height, width] = preparation.size;
  const [plane, channels] = [height * width, planes.length / (height * width)];
  return Uint8Array.from({ length: planes.length }, (_, i) => planes[(i % channels) * plane + Math.floor(i / channels)]);
}

const largestDifference = (a: Uint8Array, b: Uint8Array): number => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

describe.each(pillow.cases)('$name', ({ file, background, tolerance, results }) => {
  test.each(results as unknown as readonly (Result & { readonly pixels: string })[])(
    'has the pixels of Pillow: $size, $fit, $mode',
    async ({ pixels, size, fit, mode }) => {
      const expected = Buffer.from(pixels, 'base64');
      const sample = await prepared(Buffer.from(file, 'base64'), { size, fit, mode, background });
      expect(sample.length).toBe(expected.length);
      expect(largestDifference(sample, expected)).toBeLessThanOrEqual(tolerance);
    },
  );
});

test('a large image that is reduced while it is decoded has nearly the pixels of the exact filter', async () => {
  // Slopes, edges and a fine pattern, 2,600×1,700: more than the 4 million pixels from which images are reduced.
  const [width, height] = [2_600, 1_700];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return (x % 97 < 40 ? 60 : 0) + Math.floor((y / height) * 150) + ((x * y) % 11) * (i % 3);
  });
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  for (const size of [
    [64, 64],
    [224, 224],
  ] as const) {
    const preparation = { size, fit: 'crop', mode: 'rgb', background: '#ffffff' } as const;
    const exact = await prepared(bytes, preparation, (image, _fitting, background) => ({ background, atLeast: image }));
    const reduced = await prepared(bytes, preparation);
    const mean = exact.reduce((sum, value, i) => sum + Math.abs(value - reduced[i]), 0) / exact.length;
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(1);
  }
});
