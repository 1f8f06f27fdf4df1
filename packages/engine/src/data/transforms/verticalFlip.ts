// Turns images upside down at random (torchvision.transforms.RandomVerticalFlip). Evaluation turns no image.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import { defineTransform, imageSize } from './define.ts';

export const verticalFlip = defineTransform({
  type: 'verticalFlip',
  description: 'Mirrors each training image vertically with probability p. Evaluation mirrors no image',
  random: true,
  options: { p: z.number().min(0).max(1).default(0.5).describe('The probability that an image is mirrored') },
  outputShape(_, input) {
    return imageSize(input);
  },
  pytorch: ({ p }) => ({
    lines: [
      'if draws is not None:',
      `    mirrored = torch.from_numpy(draws[:, 0] < ${p})`,
      '    images = torch.where(mirrored.reshape(-1, 1, 1, 1), images.flip(-2), images)',
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
      let at = outAt;
      for (let channel = 0; channel < channels; channel++) {
        for (let row = height - 1; row >= 0; row--, at += width) {
          const line = fromAt + (channel * height + row) * width;
          out.set(from.subarray(line, line + width), at);
        }
      }
    };
  },
});
