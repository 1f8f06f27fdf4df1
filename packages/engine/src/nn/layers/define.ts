// The type of a layer's definition. Each layer has one file with its options, their defaults and descriptions, its shape rule, cost, memory
// and builder. Validation, OpenAPI, the catalog, estimates and tests are derived from the definitions. Their list is in plain.ts.
import type { Construction } from '../../construction.ts';
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import type { OnnxScope } from '../../onnx.ts';
import type { SizePair } from '../../ops/window.ts';
import type { Generator } from '../../random.ts';
import { anyValue, type ValueRange } from '../../range.ts';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../../registry.ts';
import { formatShape, type Shape } from '../../shape.ts';
import type { Module } from '../module.ts';
import { defaultMemory, type LayerMemory } from './memory.ts';

/** The cost of a layer. `multiplyAdds` counts the forward pass of one sample. */
export interface LayerCost {
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** The values of one sample that the layer stores in addition to its output. Default: 0. */
  readonly innerActivations?: number;
  /** The values of one sample that exist at the same time while the gradients of an inner layer are computed. Default: 0. */
  readonly innerGradients?: number;
}

/** The argument of a layer's constructor if the layer draws random numbers. */
export interface Drawn {
  /** The random number generator. Default: the generator that manualSeed seeds. */
  readonly generator?: Generator;
}

/**
 * The name of a layer. It has no dots, because dots separate the levels of a parameter's name. It is not a number, because a number is the
 * index of an unnamed layer.
 */
export const layerName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^(?!\d+$)[ -\-/-~\u00a0-\uffff]+$/, 'a layer name has no dots or control characters and is not a number')
  .describe('The name of the layer, and the first part of the names of its parameters. Default: the index of the layer');

/** The field that every layer of a job spec has in addition to its `type` and its options. */
export interface Named {
  name: z.ZodOptional<typeof layerName>;
}

/** Without type arguments, the type covers the definition of any layer. Pass only options that the schema has parsed to its functions. */
export interface LayerDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /**
   * Returns the shape of one sample's output for the shape of its input.
   * @throws ShapeError if the input does not fit. The message has the values and the remedy; `field` is the option at fault.
   */
  outputShape(options: Options, input: Shape): Shape;
  cost(options: Options, input: Shape, output: Shape): LayerCost;
  /** The layer's memory in addition to its parameters, for estimates. */
  readonly memory: LayerMemory;
  /** Whether the layer's weight consists of filters that can be shown as images. */
  readonly hasFilters: boolean;
  /** The names of options that are lists of layers, or lists of such lists. */
  readonly layerLists: readonly string[];
  /** Returns the smallest number of samples that a training batch must have. */
  leastBatch(options: Options, input: Shape): number;
  /** Returns the range of the output's values, given the range of the input's values. */
  outputRange(options: Options, input: ValueRange): ValueRange;
  /** Makes the layer for inputs of this shape and draws its initial values from the generator. */
  build(options: Options, input: Shape, generator: Generator): Module;
  /** Returns how PyTorch constructs the same layer for inputs of this shape. */
  pytorch(options: Options, input: Shape): Construction;
  /** Adds the layer in evaluation mode to an ONNX graph and returns the name of its output. */
  onnx(scope: OnnxScope, options: Options, input: Shape, output: Shape): string;
}

interface LayerParts<Type extends string, Fields extends z.ZodRawShape>
  extends Pick<LayerDefinition<z.ZodObject, Filled<Fields>>, 'outputShape' | 'build' | 'pytorch' | 'onnx'> {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields;
  /** Left out for a layer without parameters and multiply-adds. */
  readonly cost?: LayerDefinition<z.ZodObject, Filled<Fields>>['cost'];
  /** The fields that differ from `defaultMemory`. */
  readonly memory?: Partial<LayerMemory>;
  /** Left out for a layer without filters. */
  readonly hasFilters?: boolean;
  /** Left out for a layer that contains no other layers. */
  readonly layerLists?: readonly string[];
  /** Left out for a layer that can train on one sample. */
  readonly leastBatch?: LayerDefinition<z.ZodObject, Filled<Fields>>['leastBatch'];
  /** Left out for a layer whose output can have any value. */
  readonly outputRange?: LayerDefinition<z.ZodObject, Filled<Fields>>['outputRange'];
}

/** Defines a layer. */
export function defineLayer<const Type extends string, Fields extends z.ZodRawShape>(
  parts: LayerParts<Type, Fields>,
): LayerDefinition<TypedSchema<Type, Fields & Named>, Filled<Fields>> {
  const { options, memory, ...definition } = parts;
  const schema = typedSchema(parts.type, parts.description, { name: layerName.optional(), ...options });
  return {
    cost: () => ({ parameters: 0, multiplyAdds: 0 }),
    leastBatch: () => 1,
    outputRange: () => anyValue,
    hasFilters: false,
    layerLists: [],
    ...definition,
    memory: { ...defaultMemory, ...memory },
    schema,
  };
}

/** A size for height and width: one number for both, or [height, width]. */
export function sizePair(minimum: number): z.ZodType<SizePair, SizePair> {
  const size = z.int().min(minimum);
  return z.union([size, z.tuple([size, size])]);
}

/** Returns [channels, height, width] of a sample. @throws ShapeError for another number of dimensions */
export function imageShape(layer: string, input: Shape): readonly [number, number, number] {
  const [channels, height, width] = input;
  if (channels === undefined || height === undefined || width === undefined || input.length !== 3) {
    throw new ShapeError(
      `${layer} needs an input [channels, height, width], got ${formatShape(input)}: put it before the flatten layer, or give the data an image shape`,
    );
  }
  return [channels, height, width];
}

/**
 * Returns the dimension of an option as an index into the shape of a sample, which has no batch.
 * @throws ShapeError for the batch dimension and for a dimension that does not exist
 */
export function sampleDimension(option: string, value: number, input: Shape): number {
  const index = value < 0 ? value + input.length : value - 1;
  if (value === 0 || index === -1) {
    throw new ShapeError(`${option} ${value} is the batch, which a layer must keep: use 1 for the first dimension of a sample`, option);
  }
  if (index < 0 || index >= input.length) {
    throw new ShapeError(
      `${option} ${value} does not exist: a batch of inputs ${formatShape(input)} has ${input.length + 1} dimensions`,
      option,
    );
  }
  return index;
}

/** Returns a float in Python's notation: 1.0. */
export const pythonFloat = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

/** Returns a size in Python's notation: 3, or (3, 2). */
export const pythonSize = (size: number | readonly number[]): string => (typeof size === 'number' ? String(size) : `(${size.join(', ')})`);
