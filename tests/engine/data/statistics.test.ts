// The statistics of an uploaded dataset: samples of each class, means and deviations of the channels of images.
import { type Dataset, statisticsOf } from '@trainyard/engine/data';
import { expect, test } from 'vitest';

const images: Dataset = {
  length: 2,
  inputShape: [2, 1, 2],
  inputs: Uint8Array.of(0, 255, 51, 51, 255, 0, 51, 153),
  target: { kind: 'class', classes: ['a', 'b', 'c'] },
  targets: Int32Array.of(2, 0),
};

test('of images count the samples of each class, and describe each channel of the training part', () => {
  const test = { ...images, length: 1, inputs: new Uint8Array(4), targets: Int32Array.of(2) };
  const { channelMeans, channelDeviations, samplesPerClass } = statisticsOf({ train: images, test });
  expect(samplesPerClass).toEqual([
    { class: 'a', train: 1, test: 0 },
    { class: 'b', train: 0, test: 0 },
    { class: 'c', train: 1, test: 1 },
  ]);
  // The second channel has 0.2, 0.2, 0.2 and 0.6: mean 0.3, deviation √((3 · 0.01 + 0.09) / 4).
  expect(channelMeans).toEqual([0.5, expect.closeTo(0.3, 12)]);
  expect(channelDeviations).toEqual([0.5, expect.closeTo(Math.sqrt(0.03), 12)]);
});

test('of values are null', () => {
  const values: Dataset = {
    length: 2,
    inputShape: [3],
    inputs: new Float32Array(6),
    target: { kind: 'values', shape: [1] },
    targets: new Float32Array(2),
  };
  expect(statisticsOf({ train: values, test: null })).toEqual({ samplesPerClass: null, channelMeans: null, channelDeviations: null });
});
