// The residual networks for CIFAR (He et al. 2015, section 4.2): 6n + 2 layers with weights, with batch norm after each convolution. A
// shortcut is the input itself, or a 1×1 convolution with batch norm if the shape changes (the paper's option B). Option A, zeros for the
// new channels, would need a layer that PyTorch does not have.
import type { LayerInput } from '../layers/index.ts';
import type { PlainLayerInput } from '../layers/plain.ts';
import { definePreset, normalizedConvolution, pooledOutputs } from './define.ts';

function block(channels: number, stride: number): LayerInput[] {
  const layers: PlainLayerInput[] = [
    ...normalizedConvolution(channels, 3, stride),
    { type: 'relu' },
    ...normalizedConvolution(channels, 3),
  ];
  const sum: LayerInput =
    stride === 1 ? { type: 'residual', layers } : { type: 'residual', layers, shortcut: normalizedConvolution(channels, 1, stride) };
  return [sum, { type: 'relu' }];
}

/** @param n the number of blocks in each of the three stages, which have 16, 32 and 64 channels */
function resnet(n: number, outputs: number): LayerInput[] {
  const stages = [16, 32, 64].flatMap((channels, stage) =>
    Array.from({ length: n }, (_, i) => block(channels, stage > 0 && i === 0 ? 2 : 1)).flat(),
  );
  return [...normalizedConvolution(16, 3), { type: 'relu' }, ...stages, ...pooledOutputs(outputs)];
}

const description = (depth: number, blocks: string): string =>
  `ResNet-${depth} for small images: three stages of ${blocks} with 16, 32 and 64 channels, batch norm, and projections where shapes change (option B of He et al. 2015).`;

export const resnet8 = definePreset({
  name: 'resnet8',
  description: description(8, 'one residual block'),
  layers: (_input, outputs) => resnet(1, outputs),
});

export const resnet20 = definePreset({
  name: 'resnet20',
  description: description(20, 'three residual blocks'),
  layers: (_input, outputs) => resnet(3, outputs),
});
