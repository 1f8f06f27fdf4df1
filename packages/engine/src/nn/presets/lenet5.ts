// LeNet-5 (LeCun et al. 1998) with relu and max pooling, which is the usual form today.
import { definePreset } from './define.ts';

export const lenet5 = definePreset({
  name: 'lenet5',
  description:
    'LeNet-5 with rectifiers and max pooling: two 5×5 convolutions and three linear layers. Images smaller than 32×32 are padded by 2 on each side, so that 28×28 and 32×32 images both give 400 features.',
  layers: ([, height, width], outputs) => [
    { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5, padding: Math.min(height, width) < 32 ? 2 : 0 },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'conv2d', name: 'conv2', outChannels: 16, kernelSize: 5 },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 120 },
    { type: 'relu' },
    { type: 'linear', outFeatures: 84 },
    { type: 'relu' },
    { type: 'linear', outFeatures: outputs },
  ],
});
