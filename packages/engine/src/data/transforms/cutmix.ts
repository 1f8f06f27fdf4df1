// Replaces a rectangle of each training image by that of another image of the batch, and blends their targets (torchvision.transforms.v2.
// CutMix; Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features"). Evaluation replaces nothing.
import { sizeOf } from '../../shape.ts';
import { drawBeta, pythonBeta } from './beta.ts';
import { defineBatchTransform, imageSize } from './define.ts';
import type { Draws } from './draws.ts';
import { alphaSchema, blendWithPartners, pythonBlendPartners, withPartners } from './mixtures.ts';

interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** Draws a rectangle with the share 1 - λ of the area. It is smaller if a part of it would be outside the image. */
function drawBox(draws: Draws, alpha: number, height: number, width: number): Box {
  const reach = 0.5 * Math.sqrt(1 - drawBeta(draws, alpha));
  const x = draws.integer(width);
  const y = draws.integer(height);
  const [across, down] = [Math.trunc(reach * width), Math.trunc(reach * height)];
  return {
    top: Math.max(0, y - down),
    bottom: Math.min(height, y + down),
    left: Math.max(0, x - across),
    right: Math.min(width, x + across),
  };
}

const pythonBox = `def draw_box(draws, alpha, height, width):
    reach = 0.5 * math.sqrt(1 - draw_beta(draws, alpha))
    x, y = int(next(draws) * width), int(next(draws) * height)
    across, down = int(reach * width), int(reach * height)
    return max(0, y - down), min(height, y + down), max(0, x - across), min(width, x + across)`;

export const cutmix = defineBatchTransform({
  type: 'cutmix',
  description:
    'Replaces a rectangle of each training image by that of the image before it in the batch, and blends their targets by area. The rectangle is drawn for each step. Evaluation replaces nothing',
  options: {
    alpha: alphaSchema.describe(
      'Both parameters of the Beta distribution of the share of the image that stays. 1: all shares are equally likely',
    ),
  },
  outputShape(_, input) {
    return imageSize(input);
  },
  pytorch({ alpha }, input) {
    const [, height, width] = imageSize(input);
    return {
      imports: ['math'],
      functions: [pythonBeta, pythonBlendPartners, pythonBox],
      lines: [
        `top, bottom, left, right = draw_box(draws, ${alpha}, ${height}, ${width})`,
        'mixed = images.clone()',
        'mixed[:, :, top:bottom, left:right] = images.roll(1, 0)[:, :, top:bottom, left:right]',
        `share = 1.0 - (right - left) * (bottom - top) / ${height * width}`,
        'images, targets = mixed, blend_with_partners(targets, share)',
      ],
    };
  },
  build({ alpha }, input, classes) {
    const [channels, height, width] = imageSize(input);
    return (inputs, targets, samples, draws) => {
      const { top, bottom, left, right } = drawBox(draws, alpha, height, width);
      const share = 1 - ((right - left) * (bottom - top)) / (height * width);
      withPartners(inputs, samples, sizeOf(input), (own, partner) => {
        for (let channel = 0; channel < channels; channel++) {
          for (let row = top; row < bottom; row++) {
            const line = (channel * height + row) * width;
            own.set(partner.subarray(line + left, line + right), line + left);
          }
        }
      });
      blendWithPartners(targets, samples, classes, share);
    };
  },
});
