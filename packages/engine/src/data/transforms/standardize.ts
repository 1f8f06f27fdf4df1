// Computes (x - mean) / std for each channel with the mean and the standard deviation of the training data. statistics.ts computes them
// before the first epoch. They are stored with the weights, so that predictions use the same numbers.
import { ArgumentError } from '../../errors.ts';
import { defineTransform } from './define.ts';
import { normalize } from './normalize.ts';
import type { ChannelStatistics } from './statistics.ts';

const pythonStatistics = `statistics = []


def channel_statistics(images):
    values = images.double().reshape(len(images), images.shape[1], -1)
    origin = values[:1, :, :1]
    distances = values - origin
    mean = distances.mean((0, 2), keepdim=True)
    deviation = (distances.square().mean((0, 2), keepdim=True) - mean.square()).clamp(min=0).sqrt()
    shape = (1, -1) + (1,) * (images.dim() - 2)
    return (origin + mean).float().reshape(shape), torch.where(deviation == 0, 1.0, deviation).float().reshape(shape)`;

export const standardize = defineTransform({
  type: 'standardize',
  description:
    'Computes (x - mean) / std for each channel, which is the first dimension of a sample, with the mean and the standard deviation of the training data after the transforms before it. A deviation of 0 counts as 1',
  random: false,
  options: {},
  needsStatistics: true,
  outputShape(_, input) {
    return input;
  },
  pytorch: (_, __, fitted = 0) => ({
    functions: [pythonStatistics],
    lines: [
      `if len(statistics) == ${fitted}:`,
      '    return images',
      `images = (images - statistics[${fitted}][0]) / statistics[${fitted}][1]`,
    ],
  }),
  onnx(_, input, graph, statistics) {
    return normalize.onnx?.(fittedTo(statistics), input, graph) ?? graph.input;
  },
  build(_, input, statistics) {
    return normalize.build(fittedTo(statistics), input);
  },
});

/** @throws ArgumentError without statistics */
function fittedTo(statistics: ChannelStatistics | undefined): { mean: number[]; std: number[] } {
  if (statistics === undefined) {
    throw new ArgumentError(
      'standardize needs the statistics of the training data: compute them with fitTransforms(data.train, transforms)',
    );
  }
  return { mean: [...statistics.mean], std: [...statistics.std] };
}
