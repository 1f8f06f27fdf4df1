// Computes (x - mean) / std for each channel, in float32 as torchvision.transforms.Normalize does.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { formatShape, type Shape, sizeOf } from '../../shape.ts';
import { defineTransform } from './define.ts';

function checkLength(field: 'mean' | 'std', { length }: readonly number[], input: Shape): void {
  const channels = input[0] ?? 1;
  if (length !== 1 && length !== channels) {
    throw new ShapeError(
      `${length} values do not fit samples of shape ${formatShape(input)}: give one value for all channels, or ${channels} values`,
      field,
    );
  }
}

export const normalize = defineTransform({
  type: 'normalize',
  description:
    'Computes (x - mean) / std for each channel, which is the first dimension of a sample. Pixels are from 0 to 1 before this transform',
  random: false,
  options: {
    mean: z.array(z.number()).min(1).max(4096).describe('The mean: one value for all channels, or one per channel'),
    std: z
      .array(z.number().min(1e-12).max(1e12))
      .min(1)
      .max(4096)
      .describe('The standard deviation: one value for all channels, or one per channel'),
  },
  outputShape({ mean, std }, input) {
    checkLength('mean', mean, input);
    checkLength('std', std, input);
    return input;
  },
  pytorch({ mean, std }, input) {
    const perChannel = (values: readonly number[]): string =>
      values.length === 1
        ? String(values[0])
        : `torch.tensor([${values.join(', ')}]).reshape(${[-1, ...input.slice(1).fill(1)].join(', ')})`;
    return { lines: [`images = (images - ${perChannel(mean)}) / ${perChannel(std)}`] };
  },
  onnx({ mean, std }, input, { input: batch, node, constant }) {
    const perChannel = (values: readonly number[]): string => constant(values, [values.length, ...input.slice(1).fill(1)]);
    return node('Div', [node('Sub', [batch, perChannel(mean)]), perChannel(std)]);
  },
  build({ mean, std }, input) {
    const channels = input[0] ?? 1;
    const size = sizeOf(input) / channels;
    const means = Float32Array.from({ length: channels }, (_, i) => mean[mean.length === 1 ? 0 : i]);
    const deviations = Float32Array.from({ length: channels }, (_, i) => std[std.length === 1 ? 0 : i]);
    return (from, fromAt, out, outAt) => {
      for (let channel = 0; channel < channels; channel++) {
        const m = means[channel];
        const s = deviations[channel];
        const begin = channel * size;
        for (let i = begin; i < begin + size; i++) out[outAt + i] = Math.fround(from[fromAt + i] - m) / s;
      }
    };
  },
});
