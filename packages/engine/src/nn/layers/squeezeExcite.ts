// The squeeze-and-excitation layer (Hu et al. 2018; torchvision.ops.SqueezeExcitation), which multiplies each channel by a factor from 0 to 1.
// The factor depends on the means of all channels. Its parts are layers with definitions of their own.
import { z } from 'zod';
import { type Construction, construct } from '../../construction.ts';
import type { OnnxScope } from '../../onnx.ts';
import { mul } from '../../ops/elementwise.ts';
import type { Generator } from '../../random.ts';
import { type AnyOptions, checkArguments } from '../../registry.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { withGenerator } from '../init.ts';
import { Module } from '../module.ts';
import { AdaptiveAvgPool2d } from './adaptiveAvgPool2d.ts';
import { Conv2d, conv2d } from './conv2d.ts';
import { type Drawn, defineLayer, imageShape, type LayerDefinition } from './define.ts';
import { gelu } from './gelu.ts';
import { hardSigmoid } from './hardSigmoid.ts';
import { hardSwish } from './hardSwish.ts';
import { mish } from './mish.ts';
import { ReLU, relu } from './relu.ts';
import { relu6 } from './relu6.ts';
import { Sigmoid, sigmoid } from './sigmoid.ts';
import { silu } from './silu.ts';

/** The layers that can be the activation between the convolutions, by their types. */
const activations = { relu, relu6, silu, hardSwish, gelu, mish } as const;
/** The layers that can compute the factors, by their types. Their results are from 0 to 1. */
const scaleActivations = { sigmoid, hardSigmoid } as const;

const typesOf = <Type extends string>(definitions: Readonly<Record<Type, unknown>>): Type[] => Object.keys(definitions) as Type[];

const options = {
  squeezeChannels: z.int().min(1).describe('The number of channels between the two convolutions, usually a fraction of the input channels'),
  activation: z.enum(typesOf(activations)).default('relu').describe('The type of the layer between the two convolutions'),
  scaleActivation: z.enum(typesOf(scaleActivations)).default('sigmoid').describe('The type of the layer that makes the factors'),
};
type Options = z.output<z.ZodObject<typeof options>>;

const moduleArgument = z.custom<Module>((value) => value instanceof Module, 'must be a module, such as new ReLU()').optional();
const constructorArguments = z.strictObject({
  inputChannels: z.int().min(1),
  squeezeChannels: options.squeezeChannels,
  activation: moduleArgument,
  scaleActivation: moduleArgument,
});

export interface SqueezeExcitationOptions extends Drawn {
  /** The activation between the two convolutions. Default: ReLU. */
  readonly activation?: Module;
  /** Makes the factors. Default: Sigmoid. */
  readonly scaleActivation?: Module;
}

/** x · scaleActivation(fc2(activation(fc1(mean of each channel)))). Parameters are named `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`. */
export class SqueezeExcitation extends Module {
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;
  readonly activation: Module;
  readonly scaleActivation: Module;

  /**
   * @param inputChannels the number of channels of the input
   * @param squeezeChannels the number of channels between the two convolutions
   * @throws ArgumentError for numbers below 1, and for activations that are not modules
   */
  constructor(inputChannels: number, squeezeChannels: number, rest: SqueezeExcitationOptions = {}) {
    super();
    const { generator, given } = withGenerator('SqueezeExcitation', rest, 'activation');
    const checked = checkArguments('SqueezeExcitation', constructorArguments, { inputChannels, squeezeChannels }, given);
    this.fc1 = new Conv2d(inputChannels, squeezeChannels, 1, { generator });
    this.fc2 = new Conv2d(squeezeChannels, inputChannels, 1, { generator });
    this.activation = checked.activation ?? new ReLU();
    this.scaleActivation = checked.scaleActivation ?? new Sigmoid();
  }

  override forward(input: Tensor): Tensor {
    const squeezed = this.activation.forward(this.fc1.forward(this.avgpool.forward(input)));
    return mul(this.scaleActivation.forward(this.fc2.forward(squeezed)), input);
  }

  /** Returns the parts by torchvision's names. */
  override namedChildren(): [string, Module][] {
    return super.namedChildren().map(([name, part]) => [name === 'scaleActivation' ? 'scale_activation' : name, part]);
  }
}

const withDefaults = (definition: LayerDefinition): AnyOptions => definition.schema.parse({ type: definition.type });

const partsOf = ({ activation, scaleActivation }: Options): readonly [LayerDefinition, LayerDefinition] => [
  activations[activation],
  scaleActivations[scaleActivation],
];

/** Returns the options of the convolution to this number of channels. */
const pointwise = (outChannels: number) => conv2d.schema.parse({ type: 'conv2d', outChannels, kernelSize: 1 });

/** The class of an exported script, so that the script needs no torchvision. Its parts have torchvision's names. */
const definitions = `class SqueezeExcitation(nn.Module):
    """Multiplies each channel by a factor that depends on the means of all channels."""

    def __init__(self, input_channels, squeeze_channels, activation=None, scale_activation=None):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation or nn.ReLU()
        self.scale_activation = scale_activation or nn.Sigmoid()

    def forward(self, x):
        scale = self.fc2(self.activation(self.fc1(self.avgpool(x))))
        return self.scale_activation(scale) * x
`;

/** Adds one of the two convolutions. @returns the name of its output */
const onnxConvolution = ({ node, weight }: OnnxScope, name: 'fc1' | 'fc2', from: string): string =>
  node('Conv', [from, weight(`${name}.weight`), weight(`${name}.bias`)], { kernel_shape: [1, 1] });

/** Returns the activations that differ from the defaults of the class. */
function namedActivations(given: Options, shape: Shape): Record<string, Construction> {
  const [activation, scaleActivation] = partsOf(given);
  return {
    ...(given.activation !== 'relu' && { activation: activation.pytorch(withDefaults(activation), shape) }),
    ...(given.scaleActivation !== 'sigmoid' && { scaleActivation: scaleActivation.pytorch(withDefaults(scaleActivation), shape) }),
  };
}

function build(given: Options, [channels]: Shape, generator: Generator): SqueezeExcitation {
  const [activation, scaleActivation] = partsOf(given);
  return new SqueezeExcitation(channels, given.squeezeChannels, {
    activation: activation.build(withDefaults(activation), [given.squeezeChannels, 1, 1], generator),
    scaleActivation: scaleActivation.build(withDefaults(scaleActivation), [channels, 1, 1], generator),
    generator,
  });
}

export const squeezeExcite = defineLayer({
  type: 'squeezeExcite',
  description:
    'Multiplies each channel of [channels, height, width] by a factor from 0 to 1, which two 1×1 convolutions compute from the means of all channels',
  options,
  outputShape: (_options, input) => imageShape('squeezeExcite', input),
  cost({ squeezeChannels }, input) {
    const [channels] = input;
    const [pooled, squeezed] = [
      [channels, 1, 1],
      [squeezeChannels, 1, 1],
    ] as const;
    const [first, second] = [conv2d.cost(pointwise(squeezeChannels), pooled, squeezed), conv2d.cost(pointwise(channels), squeezed, pooled)];
    return {
      parameters: first.parameters + second.parameters,
      multiplyAdds: first.multiplyAdds + second.multiplyAdds + sizeOf(input),
      // The means, the outputs of both convolutions, and the results of both activations.
      innerActivations: 3 * channels + 2 * squeezeChannels,
    };
  },
  outputRange: (_options, { min, max }) => ({ min: Math.min(min, 0), max: Math.max(max, 0) }),
  memory: {
    // The gradient of the input is the sum of two: one through the product, and one through the means.
    gradientValues: ({ input, output, inner }) => 3 * input + output + inner,
    packsWeights: true,
  },
  build,
  pytorch: (given, [channels]) => ({
    ...construct('SqueezeExcitation', [channels, given.squeezeChannels], namedActivations(given, [channels, 1, 1])),
    definitions,
  }),
  onnx(scope, given, [channels]) {
    const [activation, scaleActivation] = partsOf(given);
    const apply = (definition: LayerDefinition, input: string, shape: Shape): string =>
      definition.onnx({ ...scope, input }, withDefaults(definition), shape, shape);
    const squeezed = onnxConvolution(scope, 'fc1', scope.node('GlobalAveragePool', [scope.input]));
    const excited = onnxConvolution(scope, 'fc2', apply(activation, squeezed, [given.squeezeChannels, 1, 1]));
    return scope.node('Mul', [apply(scaleActivation, excited, [channels, 1, 1]), scope.input]);
  },
});
