// Networks whose memory is compared with its estimate, on images of 3 channels of 28 × 28 pixels.
import { catalog, type PresetName, torchvisionNames } from '@trainyard/engine/spec';

export const MEBIBYTE = 2 ** 20;

export const linear = { type: 'linear', outFeatures: 10 };
export const conv = { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1 };
export const flatten = { type: 'flatten' };
export const relu = { type: 'relu' };

const presets = catalog().presets.map(({ type }) => type as PresetName);
/** The presets for photos. They are too deep for images of 28 × 28 pixels. photoMemory.test.ts tests them. */
export const photoPresets: readonly PresetName[] = presets.filter((preset) => torchvisionNames({ preset }) !== null);
/** The presets for small images. */
export const smallPresets: readonly PresetName[] = presets.filter((preset) => !photoPresets.includes(preset));

/** Every preset for small images, and networks for the estimates of a training and of a prediction. */
export const networks: Readonly<Record<string, object>> = {
  ...Object.fromEntries(smallPresets.map((preset) => [preset, { preset }])),
  'softmax of maps': { layers: [conv, { type: 'softmax', dim: 1 }, flatten, linear] },
  'linear layers': { layers: [flatten, { ...linear, outFeatures: 400 }, relu, { ...linear, outFeatures: 300 }, { type: 'tanh' }, linear] },
  'strides, transposed convolutions, upsampling and average pooling': {
    layers: [
      { ...conv, stride: 2 },
      { type: 'leakyRelu' },
      { type: 'convTranspose2d', outChannels: 8, kernelSize: 2, stride: 2 },
      { type: 'softplus' },
      { type: 'upsample', scaleFactor: 2 },
      { type: 'avgPool2d', kernelSize: 4 },
      flatten,
      linear,
    ],
  },
};

/** Builds the spec of a job that trains `model` for one epoch of two batches of random images. */
export const jobOf = (model: object, batch: number, optimizer: object): object => ({
  seed: 0,
  data: { dataset: 'random', inputShape: [3, 28, 28], targetShape: [10], samples: 2 * batch, batchSize: batch },
  model,
  loss: { type: 'mse' },
  optimizer,
  epochs: 1,
});
