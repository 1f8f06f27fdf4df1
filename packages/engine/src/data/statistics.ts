// Statistics of an uploaded dataset: the samples of each class, and the mean and the standard deviation of each channel of images.
import { z } from 'zod';
import type { Dataset, Splits } from './dataset.ts';

export const datasetStatistics = z.strictObject({
  samplesPerClass: z
    .array(z.strictObject({ class: z.string(), train: z.int().min(0), test: z.int().min(0) }))
    .readonly()
    .nullable()
    .describe('The number of training and test samples of each class, in the order of the classes. Null if the targets are values'),
  channelMeans: z
    .array(z.number())
    .readonly()
    .nullable()
    .describe('The mean of each channel of the training images, with pixels from 0 to 1. Null if the samples are not images'),
  channelDeviations: z
    .array(z.number())
    .readonly()
    .nullable()
    .describe('The standard deviation of each channel of the training images (divided by N). Null if the samples are not images'),
});
export type DatasetStatistics = z.output<typeof datasetStatistics>;

export function statisticsOf({ train, test }: Splits): DatasetStatistics {
  return { samplesPerClass: samplesPerClass(train, test), ...channelStatistics(train) };
}

function samplesPerClass(train: Dataset, test: Dataset | null): DatasetStatistics['samplesPerClass'] {
  if (train.target.kind !== 'class') return null;
  const { classes } = train.target;
  const [inTrain, inTest] = [train, test].map((part) => {
    const counts = new Uint32Array(classes.length);
    for (const label of part?.targets ?? []) counts[label] += 1;
    return counts;
  });
  return classes.map((name, number) => ({ class: name, train: inTrain[number], test: inTest[number] }));
}

/** Counts each value of a channel. The sums of the counted values are exact. */
function channelStatistics({ inputs, inputShape, length }: Dataset): Pick<DatasetStatistics, 'channelMeans' | 'channelDeviations'> {
  if (!(inputs instanceof Uint8Array) || inputShape.length !== 3) return { channelMeans: null, channelDeviations: null };
  const [channels, height, width] = inputShape;
  const plane = height * width;
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  for (let i = 0; i < length * channels; i++) {
    const own = counts[i % channels];
    for (let at = i * plane; at < (i + 1) * plane; at++) own[inputs[at]] += 1;
  }
  const values = length * plane;
  const means = counts.map((own) => own.reduce((sum, count, value) => sum + count * value, 0) / values);
  const deviations = counts.map((own, channel) =>
    Math.sqrt(own.reduce((sum, count, value) => sum + count * (value - means[channel]) ** 2, 0) / values),
  );
  return { channelMeans: means.map((mean) => mean / 255), channelDeviations: deviations.map((deviation) => deviation / 255) };
}
