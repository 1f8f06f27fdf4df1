// Adds normally distributed noise to training images (torchvision.transforms.v2.GaussianNoise). Evaluation adds none.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import { defineTransform, imageSize } from './define.ts';
import { drawNormal, pythonNormal } from './normal.ts';

export const gaussianNoise = defineTransform({
  type: 'gaussianNoise',
  description: 'Adds normally distributed noise to each value of each training image. Evaluation adds none',
  random: true,
  options: {
    mean: z.number().default(0).describe('The mean of the noise; a pixel is 0 … 1 before it is normalized'),
    sigma: z.number().min(0).default(0.1).describe('The standard deviation of the noise'),
    clip: z.boolean().default(true).describe('Limits the results to 0 … 1. Use false after `normalize`'),
  },
  outputShape(_, input) {
    return imageSize(input);
  },
  pytorch({ mean, sigma, clip }, input) {
    const size = sizeOf(input);
    return {
      ...pythonNormal,
      draws: size,
      lines: [
        'if draws is not None:',
        `    images = images + (normal(draws[:, :${size}]).reshape(images.shape) * ${sigma} + ${mean})`,
        ...(clip ? ['    images = images.clamp(0, 1)'] : []),
      ],
    };
  },
  build({ mean, sigma, clip }, input) {
    const size = sizeOf(input);
    const deviation = Math.fround(sigma);
    const centre = Math.fround(mean);
    return (from, fromAt, out, outAt, draws) => {
      if (draws === null) {
        out.set(from.subarray(fromAt, fromAt + size), outAt);
        return;
      }
      for (let i = 0; i < size; i++) {
        const noise = Math.fround(Math.fround(Math.fround(drawNormal(draws)) * deviation) + centre);
        const value = from[fromAt + i] + noise;
        out[outAt + i] = clip ? Math.min(1, Math.max(0, value)) : value;
      }
    };
  },
});
