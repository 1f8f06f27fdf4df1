// A small network like MobileNet (Howard et al. 2017). Each convolution is split into a depthwise convolution, which reads each channel
// alone, and a 1×1 convolution, which mixes the channels.
import type { LayerInput } from '../layers/index.ts';
import { definePreset, normalizedConvolution, pooledOutputs } from './define.ts';

/** Output channels and stride of each pair of convolutions. */
const pairs = [
  [32, 1],
  [64, 2],
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
] as const;

const FIRST_CHANNELS = 16;

function separable(inChannels: number, outChannels: number, stride: number): LayerInput[] {
  return [
    ...normalizedConvolution(inChannels, 3, stride, inChannels),
    { type: 'relu' },
    ...normalizedConvolution(outChannels, 1),
    { type: 'relu' },
  ];
}

export const mobileNetSmall = definePreset({
  name: 'mobileNetSmall',
  description: 'Depthwise separable convolutions with batch norm, from 16 to 256 channels, for small images.',
  layers: (_input, outputs) => [
    ...normalizedConvolution(FIRST_CHANNELS, 3),
    { type: 'relu' },
    ...pairs.flatMap(([channels, stride], i) => separable(pairs[i - 1]?.[0] ?? FIRST_CHANNELS, channels, stride)),
    ...pooledOutputs(outputs),
  ],
});
