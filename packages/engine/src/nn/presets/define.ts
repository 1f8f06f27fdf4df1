// What a preset is: a well-known network as the layers of a job spec, fitted to the data. The list is in index.ts.
import type { Shape } from '../../shape.ts';
import type { LayerInput } from '../layers/index.ts';
import type { PlainLayerInput } from '../layers/plain.ts';

export interface Preset<Name extends string = string> {
  /** What a job spec's `preset` says. */
  readonly name: Name;
  readonly description: string;
  /**
   * @param input shape of one sample: [channels, height, width].
   * @param outputs numbers that the network gives for one sample: the data's classes.
   */
  readonly layers: (input: Shape, outputs: number) => LayerInput[];
}

/** Defines a preset. */
export const definePreset = <const Name extends string>(preset: Preset<Name>): Preset<Name> => preset;

/** A convolution that is normalised, and so has no bias of its own. */
export function normalizedConvolution(outChannels: number, kernelSize: number, stride = 1, groups = 1): PlainLayerInput[] {
  return [{ type: 'conv2d', outChannels, kernelSize, stride, padding: (kernelSize - 1) / 2, groups, bias: false }, { type: 'batchNorm2d' }];
}

/** From the last feature maps, whatever their size, to the outputs. */
export function pooledOutputs(outputs: number): PlainLayerInput[] {
  return [{ type: 'adaptiveAvgPool2d', outputSize: 1 }, { type: 'flatten' }, { type: 'linear', outFeatures: outputs }];
}
