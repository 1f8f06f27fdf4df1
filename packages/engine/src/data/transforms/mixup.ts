// Blends each training sample and its target with another sample of the batch (torchvision.transforms.v2.MixUp; Zhang et al., "mixup:
// Beyond Empirical Risk Minimization"). Evaluation blends nothing.
import { sizeOf } from '../../shape.ts';
import { drawBeta, pythonBeta } from './beta.ts';
import { defineBatchTransform } from './define.ts';
import { alphaSchema, blendWithPartners, pythonBlendPartners } from './mixtures.ts';

export const mixup = defineBatchTransform({
  type: 'mixup',
  description:
    'Blends each training sample and its target with the sample before it in the batch. The share is drawn for each step. Evaluation blends nothing',
  options: {
    alpha: alphaSchema.describe('Both parameters of the Beta distribution of the share. 1: all shares are equally likely'),
  },
  outputShape(_, input) {
    return input;
  },
  pytorch: ({ alpha }) => ({
    imports: ['math'],
    functions: [pythonBeta, pythonBlendPartners],
    lines: [
      `share = draw_beta(draws, ${alpha})`,
      'images, targets = blend_with_partners(images, share), blend_with_partners(targets, share)',
    ],
  }),
  build({ alpha }, input, classes) {
    const size = sizeOf(input);
    return (inputs, targets, samples, draws) => {
      const share = drawBeta(draws, alpha);
      blendWithPartners(inputs, samples, size, share);
      blendWithPartners(targets, samples, classes, share);
    };
  },
});
