// Compares transforms with the results of torchvision.transforms.v2.functional in torchvision/transforms.json, which transforms.py next to it
// computed.
import { readFile } from 'node:fs/promises';
import { transformSchema } from '@trainyard/engine/data';
import { expect, test } from 'vitest';
import { z } from 'zod';
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
const cases = casesSchema.parse(JSON.parse(await readFile(new URL('torchvision/transforms.json', import.meta.url), 'utf8')));

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
