// Removes the colours of images: all images (torchvision.transforms.Grayscale), or some training images at random
// (torchvision.transforms.RandomGrayscale).
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { brightnessWeights, colourImageSize, greyOf, pythonGrey } from './colours.ts';
import { defineTransform } from './define.ts';

interface Options {
  readonly p: number;
  readonly numOutputChannels?: 1 | 3 | undefined;
}

/** Returns the number of channels of the result. If only some images become grey, it is that of the input. */
const channelsAfter = ({ p, numOutputChannels }: Options, channels: number): number => numOutputChannels ?? (p < 1 ? channels : 1);

export const grayscale = defineTransform({
  type: 'grayscale',
  description:
    'Makes images grey. With p below 1 it makes training images grey with this probability, keeps their channels, and does nothing in evaluation',
  random: true,
  options: {
    p: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('The probability that a training image becomes grey. 1: all images, also in evaluation'),
    numOutputChannels: z
      .union([z.literal(1), z.literal(3)])
      .optional()
      .describe('The channels of the result. If omitted: 1, or with p below 1 the channels of the image'),
  },
  outputShape(options, input) {
    const [channels, height, width] = colourImageSize(input);
    const after = channelsAfter(options, channels);
    if (options.p < 1 && after !== channels) {
      throw new ShapeError(
        `${after} channels do not fit images of ${channels} channels that become grey with p ${options.p}: remove numOutputChannels, or use p 1`,
        'numOutputChannels',
      );
    }
    return [after, height, width];
  },
  pytorch(options, input) {
    const after = channelsAfter(options, input[0]);
    const grey = `torch.stack([grey(image).expand(${after}, -1, -1) for image in images])`;
    const lines =
      options.p === 1
        ? [`images = ${grey}`]
        : [
            'if draws is not None:',
            `    made_grey = torch.from_numpy(draws[:, 0] < ${options.p})`,
            `    images = torch.where(made_grey.reshape(-1, 1, 1, 1), ${grey}, images)`,
          ];
    return { functions: [pythonGrey], lines };
  },
  onnx(options, input, { input: images, node, constant, integers }) {
    const [channels] = colourImageSize(input);
    if (options.p < 1) return images;
    const weighted = (): string => node('Mul', [images, constant(brightnessWeights, [3, 1, 1])]);
    const grey = channels === 1 ? images : node('ReduceSum', [weighted(), integers([1])], { keepdims: 1 });
    return channelsAfter(options, channels) === 1 ? grey : node('Concat', [grey, grey, grey], { axis: 1 });
  },
  build(options, input) {
    const [channels, height, width] = colourImageSize(input);
    const after = channelsAfter(options, channels);
    const pixels = height * width;
    const { p } = options;
    return (from, fromAt, out, outAt, draws) => {
      const isGrey = p === 1 || (draws !== null && draws.uniform() < p);
      if (!isGrey) {
        out.set(from.subarray(fromAt, fromAt + channels * pixels), outAt);
        return;
      }
      for (let i = 0; i < pixels; i++) {
        const at = fromAt + i;
        out[outAt + i] = channels === 1 ? from[at] : greyOf(from[at], from[at + pixels], from[at + 2 * pixels]);
      }
      for (let channel = 1; channel < after; channel++) out.copyWithin(outAt + channel * pixels, outAt, outAt + pixels);
    };
  },
});
