// The definition of a loss. Each loss has one file with the function and the class that PyTorch users know, the options of a job spec, and
// a check of which outputs and targets it can compare. The list of losses is in index.ts.
import type { Construction } from '../construction.ts';
import { z } from 'zod';
import type { TargetArray } from '../data/dataset.ts';
import type { DatasetDescription } from '../data/define.ts';
import { checkOptions, isOptions, notOptions } from '../argumentChecks.ts';
import { ArgumentError } from '../errors.ts';
import { Module } from '../nn/module.ts';
import type { OnnxNodes } from '../onnx.ts';
import type { ValueRange } from '../range.ts';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../registry.ts';
import { formatShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { show } from '../validation.ts';

/** How the losses of the elements become the result: their mean, their sum, or a tensor of all of them (`none`). */
export type Reduction = 'mean' | 'sum' | 'none';

/** Compares a batch of outputs with its targets. Returns a scalar. */
export type Criterion = (output: Tensor, target: Tensor) => Tensor;

/** The outputs and the targets that a loss is to compare. */
export interface Compared {
  /** The shape of one sample's output. */
  readonly output: Shape;
  /** The range of the values that the output can have. */
  readonly range: ValueRange;
  readonly target: DatasetDescription['target'];
}

/** The definition of a loss. Without type arguments: of any loss, with options that its schema has parsed. */
export interface LossDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /**
   * Says whether a model's outputs can be compared with the data's targets.
   * @throws ShapeError if the outputs cannot be compared with the targets. The message says what to change. The error's `field` is null if the model must change, 'type' if the
   *   data needs another loss, else the name of the option that does not fit
   */
  check(compared: Compared, options: Options): void;
  build(options: Options): Criterion;
  /**
   * Returns the reason why the loss is NaN for these targets and any finite outputs, with the remedy. Returns null if it is not NaN. Absent
   * for a loss that accepts any targets.
   */
  unfitTargets?(targets: TargetArray, options: Options): string | null;
  /** Whether the targets can also be the probability of each class, as in mixed batches. Default: false. */
  readonly takesProbabilities?: boolean;
  /** Converts a batch of outputs [N, …] to probabilities of the same shape. Missing if the loss compares no probabilities. */
  readonly probabilities?: (output: Tensor) => Tensor;
  /** Adds the same to an ONNX graph. @returns the name of the probabilities */
  readonly onnxProbabilities?: (graph: OnnxNodes) => string;
  /** Returns the construction of the loss in PyTorch. */
  pytorch(options: Options): Construction;
}

interface LossParts<Type extends string, Fields extends z.ZodRawShape>
  extends Pick<
    LossDefinition<z.ZodObject, Filled<Fields>>,
    'check' | 'build' | 'takesProbabilities' | 'probabilities' | 'onnxProbabilities' | 'unfitTargets' | 'pytorch'
  > {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields;
}

/** Defines a loss. */
export function defineLoss<const Type extends string, Fields extends z.ZodRawShape>(
  parts: LossParts<Type, Fields>,
): LossDefinition<TypedSchema<Type, Fields>, Filled<Fields>> {
  const { options, ...definition } = parts;
  return { ...definition, schema: typedSchema(parts.type, parts.description, options) };
}

/** The base class of losses as modules, as PyTorch users write them: `new L1Loss({ reduction: 'sum' }).forward(output, target)`. */
export abstract class LossModule<Options extends object> extends Module {
  protected readonly options: Options | undefined;

  /** @param options the options of the loss function of the same name */
  constructor(options?: Options) {
    super();
    if (options !== undefined && !isOptions(options)) throw notOptions(new.target.name, options, 'reduction');
    this.options = options;
  }

  abstract override forward(output: Tensor, target: Tensor): Tensor;
}

/** The reductions that a job can use. 'none' is missing, because training needs one number. */
export const scalarReduction = z
  .enum(['mean', 'sum'])
  .default('mean')
  .describe('How the losses of a batch become one number: `mean` or `sum`');

/**
 * Makes the checks that all losses have in common.
 * @param known the names of the loss's options
 * @throws ArgumentError for an input or target that is not a tensor, and for an option that the loss does not have
 */
export function checkLoss(loss: string, input: unknown, target: unknown, options: unknown, known: readonly string[]): void {
  for (const [name, given] of [
    ['input', input],
    ['target', target],
  ] as const) {
    if (!(given instanceof Tensor))
      throw new ArgumentError(`${loss}: the ${name} must be a tensor, got ${show(given)}: make one with tensor()`);
  }
  checkOptions(loss, options, known);
  for (const name of ['weight', 'posWeight']) {
    const factors = isOptions(options) ? options[name] : undefined;
    if (factors !== undefined && !(factors instanceof Tensor)) {
      throw new ArgumentError(`${loss}: ${name} must be a tensor, got ${show(factors)}: make one with tensor()`);
    }
  }
}

/** Checks the targets of a loss that compares values. @throws ArgumentError if they are class labels */
export function checkValueTarget(loss: string, { dtype }: Tensor): void {
  if (dtype !== 'int32') return;
  throw new ArgumentError(`${loss} compares values, but its target is int32: make it with tensor() or fromFlat(), or use crossEntropy`);
}

/** Returns the sentence that says how to give an input and a target the same shape. */
export function shapeRemedy({ shape, size }: Tensor, target: Tensor): string {
  return size === target.size
    ? `use target.reshape(${formatShape(shape)})`
    : 'the network must have as many outputs as the target has numbers';
}

/** @throws ArgumentError if the reduction is not one of `known` */
export function checkReduction(loss: string, reduction: string, known: readonly string[] = ['mean', 'sum', 'none']): void {
  if (known.includes(reduction)) return;
  const names = known.map((name) => `'${name}'`);
  throw new ArgumentError(`${loss}: reduction must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, got ${show(reduction)}`);
}
