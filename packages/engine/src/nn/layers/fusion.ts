// Finds neighbouring layers that one operation can compute: a convolution with relu and, before or after relu, max pooling; or a linear
// layer with relu. The results are the same as those of single layers, up to rounding.
import type { Tensor } from '../../tensor.ts';
import type { Module } from '../module.ts';
import { Conv2d } from './conv2d.ts';
import { Linear } from './linear.ts';
import { MaxPool2d } from './maxPool2d.ts';
import { ReLU } from './relu.ts';

type NamedModule = readonly [name: string, module: Module];

/** Neighbouring layers that run as one operation, or a single layer. */
export interface Stage {
  readonly layers: readonly NamedModule[];
  forward(input: Tensor): Tensor;
}

/** Groups layers into stages, in order. Neighbours that one operation can compute form one stage. */
export function stagesOf(layers: readonly NamedModule[]): readonly Stage[] {
  const stages: Stage[] = [];
  for (let i = 0; i < layers.length; i += stages[stages.length - 1].layers.length) stages.push(stageAt(layers, i));
  return stages;
}

function stageAt(layers: readonly NamedModule[], index: number): Stage {
  const [first, second, third] = layers.slice(index, index + 3).map(([, module]) => module);
  const stage = (length: number, forward: (input: Tensor) => Tensor): Stage => {
    const own = layers.slice(index, index + length);
    return { layers: own, forward: (input) => (own.every(isPlain) ? forward(input) : oneByOne(own, input)) };
  };
  if (first instanceof Conv2d) {
    if (second instanceof ReLU && third instanceof MaxPool2d) return stage(3, (input) => first.forwardRelu(input, third));
    if (second instanceof MaxPool2d && third instanceof ReLU) return stage(3, (input) => first.forwardRelu(input, second));
    if (second instanceof ReLU) return stage(2, (input) => first.forwardRelu(input, null));
  }
  if (first instanceof Linear && second instanceof ReLU) return stage(2, (input) => first.forwardRelu(input));
  return { layers: [layers[index]], forward: (input) => first.forward(input) };
}

const plainLayers: readonly unknown[] = [Conv2d, Linear, MaxPool2d, ReLU];

/** Returns whether a layer has its original `forward`. A subclass, or code that observes a layer, may replace it. */
const isPlain = ([, module]: NamedModule): boolean => plainLayers.includes(module.constructor) && !Object.hasOwn(module, 'forward');

function oneByOne(layers: readonly NamedModule[], input: Tensor): Tensor {
  let value = input;
  for (const [, module] of layers) value = module.forward(value);
  return value;
}
