// The types of a transform's definition: its options with defaults and descriptions, its rule for shapes, and its function on a sample or on
// a batch. Each transform has one file. Validation, the catalog and the loaders use the definitions. The list is in index.ts.
import type { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import type { OnnxNodes } from '../../onnx.ts';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../../registry.ts';
import { formatShape, type Shape } from '../../shape.ts';
import type { Draws } from './draws.ts';
import type { ChannelStatistics } from './statistics.ts';

/**
 * Reads one sample from `from`, at index `fromAt`, and writes the transformed sample to `out`, at index `outAt`.
 * @param draws the random numbers of a random transform. Null in evaluation, in which nothing is drawn
 */
export type SampleFunction = (from: Float32Array, fromAt: number, out: Float32Array, outAt: number, draws: Draws | null) => void;

/** The import of numpy in a PyTorch script. */
export const numpy = 'numpy as np';

/** Python code that changes the tensor `images` of shape [samples, …shape]. */
export interface PyTorchTransform {
  /** The modules that the code imports, such as `math` and `numpy as np`. Default: none. */
  readonly imports?: readonly string[];
  /** Functions that the lines call, each as whole lines without a line break at the end. Equal functions are written once. Default: none. */
  readonly functions?: readonly string[];
  /**
   * How many numbers the lines of a random transform use for each sample. They are in `draws`: a numpy array [samples, numbers] with the
   * numbers that {@link Draws.uniform} gives. It is None in evaluation. Default: 4.
   */
  readonly draws?: number;
  readonly lines: readonly string[];
}

/** The definition of a transform. Without type arguments it is any transform; its options must have been parsed by its schema. */
export interface TransformDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  readonly scope: 'sample';
  /** Whether its function needs the statistics of the training data. Default: false. */
  readonly needsStatistics?: boolean;
  /** Whether it draws random numbers in training. The shape of its result is the same in training and in evaluation. */
  readonly random: boolean;
  /**
   * Returns the shape of a transformed sample.
   * @throws ShapeError if the input does not fit. The error names the wrong option and the values, and says what to do
   */
  outputShape(options: Options, input: Shape): Shape;
  /**
   * Returns the function for samples of this shape. The shape must fit.
   * @param statistics the statistics of the training data, for a transform that needs them
   * @throws ArgumentError if it needs statistics and gets none
   */
  build(options: Options, input: Shape, statistics?: ChannelStatistics): SampleFunction;
  /**
   * Returns the code with which a PyTorch script transforms a batch of samples of this shape.
   * @param fitted how many transforms before it need statistics. Default: 0
   */
  pytorch(options: Options, input: Shape, fitted?: number): PyTorchTransform;
  /**
   * Adds what the transform does in evaluation to an ONNX graph, for a batch of samples of this shape. Missing if it does nothing in
   * evaluation.
   * @param statistics as for {@link build}
   * @returns the name of the transformed batch
   */
  onnx?(options: Options, input: Shape, graph: OnnxNodes, statistics?: ChannelStatistics): string;
}

/**
 * Mixes the first `samples` samples of a training batch in place, and their targets: the probability of each class.
 */
export type BatchFunction = (inputs: Float32Array, targets: Float32Array, samples: number, draws: Draws) => void;

/** The definition of a transform of whole batches. It always draws, and evaluation leaves it out. */
export interface BatchTransformDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  readonly scope: 'batch';
  /** Returns the shape of a transformed sample. @throws ShapeError if the input does not fit */
  outputShape(options: Options, input: Shape): Shape;
  /** Returns the function for samples of this shape and targets of this number of classes. */
  build(options: Options, input: Shape, classes: number): BatchFunction;
  /**
   * Returns the code with which a PyTorch script mixes the tensors `images` and `targets`. `draws` yields the numbers that
   * {@link Draws.uniform} gives, one after the other.
   */
  pytorch(options: Options, input: Shape): PyTorchTransform;
}

export type AnyTransformDefinition = TransformDefinition | BatchTransformDefinition;

type Parts<Type extends string, Fields extends z.ZodRawShape, Made> = Omit<Made, 'type' | 'description' | 'schema' | 'scope'> & {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields;
};

/** Defines a transform of single samples. */
export function defineTransform<const Type extends string, Fields extends z.ZodRawShape>(
  parts: Parts<Type, Fields, TransformDefinition<z.ZodObject, Filled<Fields>>>,
): TransformDefinition<TypedSchema<Type, Fields>, Filled<Fields>> {
  const { options, ...definition } = parts;
  return { ...definition, scope: 'sample', schema: typedSchema(parts.type, parts.description, options) };
}

/** Defines a transform of whole batches. */
export function defineBatchTransform<const Type extends string, Fields extends z.ZodRawShape>(
  parts: Parts<Type, Fields, BatchTransformDefinition<z.ZodObject, Filled<Fields>>>,
): BatchTransformDefinition<TypedSchema<Type, Fields>, Filled<Fields>> {
  const { options, ...definition } = parts;
  return { ...definition, scope: 'batch', schema: typedSchema(parts.type, parts.description, options) };
}

/** Returns the shape of an image. @throws ShapeError unless there are three dimensions */
export function imageSize(input: Shape): readonly [channels: number, height: number, width: number] {
  const [channels, height, width] = input;
  if (channels === undefined || height === undefined || width === undefined || input.length !== 3) {
    throw new ShapeError(
      `needs images [channels, height, width], but the samples have the shape ${formatShape(input)}: remove this transform`,
    );
  }
  return [channels, height, width];
}
