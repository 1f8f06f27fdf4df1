// Mirrors images at random (torchvision.transforms.RandomHorizontalFlip). Evaluation mirrors no image.
import { z } from 'zod';
import { defineTransform, imageSize } from './define.ts';
import { move } from './window.ts';

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
    const kept = Int32Array.from({ length: width }, (_, i) => i);
    const rows = { map: Int32Array.from({ length: height }, (_, i) => i), length: height };
    const plain = { channels, height, width, rows, columns: { map: kept, length: width }, fill: 0 };
    const mirrored = { ...plain, columns: { map: kept.toReversed(), length: width } };
    return (from, fromAt, out, outAt, draws) => {
      const mirrors = draws !== null && draws.uniform() < p;
      move(mirrors ? mirrored : plain, 0, 0, from, fromAt, out, outAt);
    };
  },
});
