// MobileNetV2 as in torchvision (Sandler et al. 2018): blocks that widen the channels, filter each channel alone, and narrow them again.
import type { LayerInput } from '../layers/index.ts';
import type { PlainLayerInput } from '../layers/plain.ts';
import { definePreset, named, normalizedConvolution, pooled } from './define.ts';

const FIRST_CHANNELS = 32;
const LAST_CHANNELS = 1280;

/** The stages (table 2 of the paper): the factor of the widening, the output channels, the number of blocks, and the first block's stride. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

interface Block {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
  readonly factor: number;
}

/** Returns a convolution with batch norm and relu6. Torchvision numbers the convolution and the batch norm. */
function rectified(name: string, outChannels: number, kernelSize: number, stride = 1, groups = 1): PlainLayerInput[] {
  return [...named([`${name}.0`, `${name}.1`], normalizedConvolution(outChannels, kernelSize, stride, groups)), { type: 'relu6' }];
}

/** Returns the layers of a block. @param place the part of the names that says where the layers are, with a dot at its end, or '' */
function blockLayers(place: string, { inChannels, outChannels, stride, factor }: Block): PlainLayerInput[] {
  const channels = inChannels * factor;
  const widening = factor === 1 ? [] : rectified(`${place}conv.0`, channels, 1);
  const at = widening.length === 0 ? 0 : 1;
  return [
    ...widening,
    ...rectified(`${place}conv.${at}`, channels, 3, stride, channels),
    ...named([`${place}conv.${at + 1}`, `${place}conv.${at + 2}`], normalizedConvolution(outChannels, 1)),
  ];
}

/** Returns a block. It is residual if it keeps the shape. */
function block(name: string, options: Block): LayerInput[] {
  const keepsShape = options.stride === 1 && options.inChannels === options.outChannels;
  return keepsShape ? [{ type: 'residual', name, layers: blockLayers('', options) }] : blockLayers(`${name}.`, options);
}

function features(): LayerInput[] {
  let inChannels = FIRST_CHANNELS;
  let index = 0;
  const blocks = stages.flatMap(([factor, outChannels, count, firstStride]) =>
    Array.from({ length: count }, (_, i) => {
      const options = { inChannels, outChannels, stride: i === 0 ? firstStride : 1, factor };
      inChannels = outChannels;
      index += 1;
      return block(`features.${index}`, options);
    }).flat(),
  );
  return [...rectified('features.0', FIRST_CHANNELS, 3, 2), ...blocks, ...rectified(`features.${index + 1}`, LAST_CHANNELS, 1)];
}

export const mobileNetV2 = definePreset({
  name: 'mobileNetV2',
  description:
    "torchvision's MobileNetV2 for photos of about 224×224: 17 blocks of depthwise separable convolutions, and dropout. Weights with torchvision's names fit it.",
  isOfTorchvision: true,
  layers: (_input, outputs) => [
    ...features(),
    ...pooled(),
    { type: 'dropout', p: 0.2 },
    { type: 'linear', name: 'classifier.1', outFeatures: outputs },
  ],
});
