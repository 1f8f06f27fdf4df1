// Which neighbours in a list of layers one operation can do: a convolution with the rectifier after it and max-pooling before
// or after that, and a linear layer with the rectifier after it. Results are those of the layers one by one, up to rounding.
import type { Tensor } from '../../tensor.ts';
import type { Module } from '../module.ts';
import { Conv2d } from './conv2d.ts';
import { Linear } from './linear.ts';
import { MaxPool2d } from './maxPool2d.ts';
import { ReLU } from './relu.ts';

type NamedModule = readonly [name: string, module: Module];

/** Layers that run as one. */
export interface Stage {
  readonly layers: readonly NamedModule[];
  forward(input: Tensor): Tensor;
}

/** The layers in order, neighbours that one operation can do in one stage. */
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

/** Whether nobody has given a layer another forward, as a subclass may, or whoever watches it. */
const isPlain = ([, module]: NamedModule): boolean => plainLayers.includes(module.constructor) && !Object.hasOwn(module, 'forward');

function oneByOne(layers: readonly NamedModule[], input: Tensor): Tensor {
  let value = input;
  for (const [, module] of layers) value = module.forward(value);
  return value;
}
