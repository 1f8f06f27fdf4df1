// Compares transforms with the results of torchvision.transforms.v2 in torchvision/*.json, which transforms.py next to them computed.
import { readFile } from 'node:fs/promises';
import { transformSchema } from '@trainyard/engine/data';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { changes, trivialChange, workplaceOf } from '../../../packages/engine/src/data/transforms/trivialAugment.ts';
import { SampleReader } from '../../../packages/engine/src/data/transforms/reader.ts';

const casesSchema = z.array(
  z.object({
    name: z.string(),
    transforms: z.array(transformSchema),
    random: z.boolean(),
    shape: z.array(z.int()),
    pixels: z.array(z.int()),
    resultShape: z.array(z.int()),
    result: z.array(z.number()),
  }),
);
const resultsIn = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`torchvision/${name}.json`, import.meta.url), 'utf8'));
const cases = casesSchema.parse(await resultsIn('transforms'));

test.each(cases)('$name: the result is the one of torchvision', ({ transforms, random, shape, pixels, resultShape, result }) => {
  const dataset = {
    length: 1,
    inputShape: shape,
    inputs: Uint8Array.from(pixels),
    target: { kind: 'class' as const, classes: ['a'] },
    targets: new Uint8Array(1),
  };
  const reader = new SampleReader(dataset, { transforms, ...(random && { augmentationSeed: 1 }) });
  expect(reader.shape).toEqual(resultShape);
  const out = new Float32Array(result.length);
  reader.read(Uint32Array.of(0), 1, out, new Int32Array(1));
  const worst = Math.max(...out.map((value, i) => Math.abs(value - result[i])));
  // Values are from 0 to 1. torchvision adds in float32, and some of its sums use fused multiply-adds.
  expect(worst).toBeLessThanOrEqual(1e-6);
});

const { images, changed } = z
  .object({
    images: z.array(z.object({ shape: z.tuple([z.int(), z.int(), z.int()]), pixels: z.array(z.int()) })),
    changed: z.array(z.object({ change: z.string(), index: z.int(), negative: z.boolean(), image: z.int(), result: z.array(z.int()) })),
  })
  .parse(await resultsIn('trivialAugment'));

test.each(changed)(
  'trivialAugment: $change $index (negative: $negative) of image $image gives the bytes of torchvision',
  ({ change, index, negative, image, result }) => {
    const { shape, pixels } = images[image];
    const values = Float32Array.from(pixels, (byte) => byte / 255);
    const number = changes.findIndex(({ name }) => name.toLowerCase() === change.toLowerCase());
    trivialChange(workplaceOf(shape, 0), values, number, index, 31, negative);
    expect([...values]).toEqual(result.map((byte) => Math.fround(byte / 255)));
  },
);
