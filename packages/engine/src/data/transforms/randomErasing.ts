// Erases a rectangle of random size and position in training images (torchvision.transforms.RandomErasing; Zhong et al., "Random Erasing
// Data Augmentation"). Evaluation erases nothing.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import { defineTransform, imageSize, numpy } from './define.ts';
import type { Draws } from './draws.ts';
import { drawNormal, pythonNormal } from './normal.ts';
import { ATTEMPT_DRAWS, drawSize, type PartLimits, pythonDrawSize } from './randomParts.ts';
import { rangeSchema } from './ranges.ts';
import type { Part } from './resampling.ts';

/** The indices of a sample's numbers: whether it is erased, the attempts, the position, and the noise. */
const FIRST_ATTEMPT = 1;
const POSITION = FIRST_ATTEMPT + ATTEMPT_DRAWS;
const NOISE = 24;

const valueSchema = z.union([z.number(), z.array(z.number()).min(1).max(4096), z.literal('random')]);

/** Draws the rectangle. Null if nothing is erased. */
function drawRectangle(draws: Draws, p: number, height: number, width: number, limits: PartLimits): Part | null {
  if (draws.uniform() >= p) return null;
  const size = drawSize(draws, FIRST_ATTEMPT, height * width, limits, (h, w) => h < height && w < width);
  if (size === null) return null;
  const [h, w] = size;
  draws.skipTo(POSITION);
  return { top: draws.integer(height - h + 1), left: draws.integer(width - w + 1), height: h, width: w };
}

const pythonErase = `def erase(image, row, p, scale, ratio, value):
    height, width = image.shape[-2:]
    if row[0] >= p:
        return image
    size = draw_size(row[${FIRST_ATTEMPT}:${POSITION}].tolist(), height * width, scale, ratio, lambda h, w: h < height and w < width)
    if size is None:
        return image
    h, w = size
    y, x = int(row[${POSITION}] * (height - h + 1)), int(row[${POSITION + 1}] * (width - w + 1))
    erased = image.clone()
    noise = row[${NOISE} : ${NOISE} + len(image) * h * w]
    erased[:, y : y + h, x : x + w] = normal(noise).reshape(-1, h, w) if value is None else torch.tensor(value)[:, None, None]
    return erased`;

export const randomErasing = defineTransform({
  type: 'randomErasing',
  description: 'Erases a rectangle of random size and position in training images with probability p. Evaluation erases nothing',
  random: true,
  options: {
    p: z.number().min(0).max(1).default(0.5).describe('The probability that a rectangle is erased'),
    scale: rangeSchema(0, 1).default([0.02, 0.33]).describe("The range of the rectangle's area, as a share of the image's area"),
    ratio: rangeSchema(0.01, 100).default([0.3, 3.3]).describe("The range of the rectangle's height divided by its width"),
    value: valueSchema
      .default(0)
      .describe('The value of erased pixels: one number, one per channel, or `random` for normally distributed values'),
  },
  outputShape({ value }, input) {
    const [channels, height, width] = imageSize(input);
    if (typeof value === 'object' && value.length !== 1 && value.length !== channels) {
      throw new ShapeError(
        `${value.length} values do not fit images of ${channels} channels: give one value, or one value per channel`,
        'value',
      );
    }
    return [channels, height, width];
  },
  pytorch({ p, scale, ratio, value }, input) {
    const values = value === 'random' ? 'None' : `[${(typeof value === 'number' ? [value] : value).map((x) => `float(${x})`).join(', ')}]`;
    const call = `erase(image, row, ${p}, (${scale.join(', ')}), (${ratio.join(', ')}), ${values})`;
    return {
      imports: ['math', numpy],
      functions: [...pythonNormal.functions, pythonDrawSize, pythonErase],
      draws: value === 'random' ? NOISE + sizeOf(input) : NOISE,
      lines: ['if draws is not None:', `    images = torch.stack([${call} for image, row in zip(images, draws)])`],
    };
  },
  build({ p, scale, ratio, value }, input) {
    const [channels, height, width] = imageSize(input);
    const length = sizeOf(input);
    return (from, fromAt, out, outAt, draws) => {
      out.set(from.subarray(fromAt, fromAt + length), outAt);
      const part = draws === null ? null : drawRectangle(draws, p, height, width, { scale, ratio });
      if (draws === null || part === null) return;
      if (value === 'random') draws.skipTo(NOISE);
      for (let channel = 0; channel < channels; channel++) {
        const constant = value === 'random' ? 0 : typeof value === 'number' ? value : value[value.length === 1 ? 0 : channel];
        for (let row = 0; row < part.height; row++) {
          const begin = outAt + (channel * height + part.top + row) * width + part.left;
          if (value === 'random') for (let i = begin; i < begin + part.width; i++) out[i] = drawNormal(draws);
          else out.fill(constant, begin, begin + part.width);
        }
      }
    };
  },
});
