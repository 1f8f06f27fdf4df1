// Mirrors images at random (torchvision.transforms.RandomHorizontalFlip). Evaluation mirrors no image.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import { defineTransform, imageSize } from './define.ts';

export const horizontalFlip = defineTransform({
  type: 'horizontalFlip',
  description: 'Mirrors each training image horizontally with probability p. Evaluation mirrors no image',
  random: true,
  options: { p: z.number().min(0).max(1).default(0.5).describe('The probability that an image is mirrored') },
  outputShape(_, input) {
    return imageSize(input);
  },
  pytorch: ({ p }) => ({
    lines: [
      'if draws is not None:',
      `    mirrored = torch.from_numpy(draws[:, 0] < ${p})`,
      '    images = torch.where(mirrored.reshape(-1, 1, 1, 1), images.flip(-1), images)',
    ],
  }),
  build({ p }, input) {
    const [channels, height, width] = imageSize(input);
    const size = sizeOf(input);
    return (from, fromAt, out, outAt, draws) => {
      if (draws === null || draws.uniform() >= p) {
        out.set(from.subarray(fromAt, fromAt + size), outAt);
        return;
      }
      for (let row = 0; row < channels * height; row++) {
        const last = fromAt + (row + 1) * width - 1;
        const at = outAt + row * width;
        for (let column = 0; column < width; column++) out[at + column] = from[last - column];
      }
    };
  },
});
