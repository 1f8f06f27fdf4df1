// What a transform's definition holds: options with defaults and descriptions, shape rule and the function on a sample.
// One file a transform; validation, the catalog and the loaders are derived from it. The list is in index.ts.
import type { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../../registry.ts';
import { formatShape, type Shape } from '../../shape.ts';
import type { Draws } from './draws.ts';

/**
 * Reads one sample from `from`, beginning at `fromAt`, and writes the transformed one to `out`, beginning at `outAt`.
 * @param draws where a random transform takes its draws from; null in evaluation, which draws nothing.
 */
export type SampleFunction = (from: Float32Array, fromAt: number, out: Float32Array, outAt: number, draws: Draws | null) => void;

/**
 * Lines of Python that change the tensor `images`, [samples, …shape]. Those of a random transform may use `draws`: up to four
 * numbers a sample as {@link Draws.uniform} gives them, [samples, 4] in numpy; None in evaluation.
 */
export interface PyTorchTransform {
  /** Uses numpy, as `np`. */
  readonly numpy: boolean;
  readonly lines: readonly string[];
}

/** Without arguments: any transform, whose options are known to fit because its schema parsed them. */
export interface TransformDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /** Takes draws in training. The shape that it gives is the same in training and in evaluation. */
  readonly random: boolean;
  /**
   * Shape of a transformed sample.
   * @throws ShapeError that names the values, the remedy and the option to blame when the input does not fit.
   */
  outputShape(options: Options, input: Shape): Shape;
  /** Makes the function for samples of a shape that fits. */
  build(options: Options, input: Shape): SampleFunction;
  /** What a PyTorch script does to a batch of samples of this shape. */
  pytorch(options: Options, input: Shape): PyTorchTransform;
}

interface TransformParts<Type extends string, Fields extends z.ZodRawShape>
  extends Pick<TransformDefinition<z.ZodObject, Filled<Fields>>, 'random' | 'outputShape' | 'build' | 'pytorch'> {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields;
}

/** Defines a transform. */
export function defineTransform<const Type extends string, Fields extends z.ZodRawShape>(
  parts: TransformParts<Type, Fields>,
): TransformDefinition<TypedSchema<Type, Fields>, Filled<Fields>> {
  const { options, ...definition } = parts;
  return { ...definition, schema: typedSchema(parts.type, parts.description, options) };
}

/** [channels, height, width] of an image. @throws ShapeError for another number of dimensions. */
export function imageSize(input: Shape): readonly [channels: number, height: number, width: number] {
  const [channels, height, width] = input;
  if (channels === undefined || height === undefined || width === undefined || input.length !== 3) {
    throw new ShapeError(`needs images [channels, height, width], but the samples have the shape ${formatShape(input)}: leave it out`);
  }
  return [channels, height, width];
}
