// The type of a preset: a well-known network as a list of layers of a job spec, fitted to the data. The list of presets is in index.ts.
import type { Shape } from '../../shape.ts';
import type { LayerInput } from '../layers/index.ts';
import type { PlainLayerInput } from '../layers/plain.ts';

export interface Preset<Name extends string = string> {
  /** The name in a job spec's `preset`. */
  readonly name: Name;
  readonly description: string;
  /**
   * Whether this is a network of torchvision. The layers then have torchvision's names, such as `layer1.0.conv1`: see torchvisionNames.ts.
   */
  readonly isOfTorchvision?: boolean;
  /**
   * Returns the layers.
   * @param input the shape of one sample: [channels, height, width]
   * @param outputs the number of values that the network computes for one sample, such as the number of classes
   */
  readonly layers: (input: Shape, outputs: number) => LayerInput[];
}

/** Defines a preset. */
export const definePreset = <const Name extends string>(preset: Preset<Name>): Preset<Name> => preset;

/** Returns a convolution followed by batch norm. The convolution has no bias, because batch norm has one. */
export function normalizedConvolution(outChannels: number, kernelSize: number, stride = 1, groups = 1): PlainLayerInput[] {
  return [{ type: 'conv2d', outChannels, kernelSize, stride, padding: (kernelSize - 1) / 2, groups, bias: false }, { type: 'batchNorm2d' }];
}

/** Returns the layers with these names, in the same order. A layer without a name in the list gets none. */
export function named(names: readonly string[], layers: readonly PlainLayerInput[]): PlainLayerInput[] {
  return layers.map((layer, index) => (index < names.length ? { ...layer, name: names[index] } : layer));
}

/** Returns the layers that convert the last feature maps, whatever their size, to one vector. */
export const pooled = (): PlainLayerInput[] => [{ type: 'adaptiveAvgPool2d', outputSize: 1 }, { type: 'flatten' }];

/** Returns the layers that convert the last feature maps, whatever their size, to the outputs. */
export function pooledOutputs(outputs: number): PlainLayerInput[] {
  return [...pooled(), { type: 'linear', outFeatures: outputs }];
}
