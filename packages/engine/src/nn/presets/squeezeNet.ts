// SqueezeNet 1.1 as in torchvision (Iandola et al. 2016). Its blocks squeeze the channels with 1×1 convolutions, and expand them again with 1×1
// and 3×3 convolutions side by side.
import type { LayerInput } from '../layers/index.ts';
import type { PlainLayerInput } from '../layers/plain.ts';
import { definePreset } from './define.ts';

const convolution = (name: string, outChannels: number, kernelSize: number): PlainLayerInput[] => [
  { type: 'conv2d', name, outChannels, kernelSize, padding: (kernelSize - 1) / 2 },
  { type: 'relu' },
];

/** Returns a fire block. @param expanded the output channels of each of both expanding convolutions */
function fire(index: number, squeezed: number, expanded: number): LayerInput[] {
  const name = `features.${index}`;
  const branches = [convolution('expand1x1', expanded, 1), convolution('expand3x3', expanded, 3)];
  return [...convolution(`${name}.squeeze`, squeezed, 1), { type: 'branches', name, branches }];
}

const pool: PlainLayerInput = { type: 'maxPool2d', kernelSize: 3, stride: 2, ceilMode: true };

export const squeezeNet1_1 = definePreset({
  name: 'squeezeNet1_1',
  description:
    "torchvision's SqueezeNet 1.1 for photos of about 224×224: eight fire blocks without batch norm, and dropout. Weights with torchvision's names fit it.",
  isOfTorchvision: true,
  layers: (_input, outputs) => [
    { type: 'conv2d', name: 'features.0', outChannels: 64, kernelSize: 3, stride: 2 },
    { type: 'relu' },
    pool,
    ...fire(3, 16, 64),
    ...fire(4, 16, 64),
    pool,
    ...fire(6, 32, 128),
    ...fire(7, 32, 128),
    pool,
    ...fire(9, 48, 192),
    ...fire(10, 48, 192),
    ...fire(11, 64, 256),
    ...fire(12, 64, 256),
    { type: 'dropout', p: 0.5 },
    { type: 'conv2d', name: 'classifier.1', outChannels: outputs, kernelSize: 1 },
    { type: 'relu' },
    { type: 'adaptiveAvgPool2d', outputSize: 1 },
    { type: 'flatten' },
  ],
});
