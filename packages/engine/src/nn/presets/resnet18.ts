// ResNet-18 and ResNet-34 as in torchvision (He et al. 2015): for photos, with a stem that reduces height and width to a quarter, and blocks
// of two 3×3 convolutions. The small networks of the same paper for CIFAR are in resnet.ts.
import type { LayerInput } from '../layers/index.ts';
import type { PlainLayerInput } from '../layers/plain.ts';
import { definePreset, named, normalizedConvolution, pooled } from './define.ts';

const stageChannels = [64, 128, 256, 512];

function block(name: string, channels: number, stride: number, hasSameShape: boolean): LayerInput[] {
  const layers: PlainLayerInput[] = [
    ...named(['conv1', 'bn1'], normalizedConvolution(channels, 3, stride)),
    { type: 'relu' },
    ...named(['conv2', 'bn2'], normalizedConvolution(channels, 3)),
  ];
  const shortcut = named(['downsample.0', 'downsample.1'], normalizedConvolution(channels, 1, stride));
  return [{ type: 'residual', name, layers, ...(!hasSameShape && { shortcut }) }, { type: 'relu' }];
}

/** @param blocks the number of blocks in each of the four stages */
function resnet(blocks: readonly number[], outputs: number): LayerInput[] {
  const stages = blocks.flatMap((count, stage) =>
    Array.from({ length: count }, (_, i) => {
      const shrinks = stage > 0 && i === 0;
      return block(`layer${stage + 1}.${i}`, stageChannels[stage], shrinks ? 2 : 1, !shrinks);
    }).flat(),
  );
  return [
    ...named(['conv1', 'bn1'], normalizedConvolution(64, 7, 2)),
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 3, stride: 2, padding: 1 },
    ...stages,
    ...pooled(),
    { type: 'linear', name: 'fc', outFeatures: outputs },
  ];
}

export const resnet18 = definePreset({
  name: 'resnet18',
  description:
    "torchvision's ResNet-18 for photos of about 224×224: four stages of two residual blocks, with 64 to 512 channels. Weights with torchvision's names fit it.",
  isOfTorchvision: true,
  layers: (_input, outputs) => resnet([2, 2, 2, 2], outputs),
});

export const resnet34 = definePreset({
  name: 'resnet34',
  description:
    "torchvision's ResNet-34 for photos of about 224×224: four stages of 3, 4, 6 and 3 residual blocks, with 64 to 512 channels. Weights with torchvision's names fit it.",
  isOfTorchvision: true,
  layers: (_input, outputs) => resnet([3, 4, 6, 3], outputs),
});
