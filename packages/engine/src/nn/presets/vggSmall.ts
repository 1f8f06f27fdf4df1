// A small network like VGG (Simonyan and Zisserman 2015): blocks of 3×3 convolutions, then linear layers.
import type { LayerInput } from '../layers/index.ts';
import { definePreset } from './define.ts';

const block = (channels: number): LayerInput[] => [
  { type: 'conv2d', outChannels: channels, kernelSize: 3, padding: 1 },
  { type: 'relu' },
  { type: 'conv2d', outChannels: channels, kernelSize: 3, padding: 1 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
];

export const vggSmall = definePreset({
  name: 'vggSmall',
  description:
    'Two blocks of two 3×3 convolutions and max pooling, with 32 and 64 channels, then a linear layer of 128 and one for the outputs.',
  layers: (_input, outputs) => [
    ...block(32),
    ...block(64),
    { type: 'flatten' },
    { type: 'linear', outFeatures: 128 },
    { type: 'relu' },
    { type: 'linear', outFeatures: outputs },
  ],
});
