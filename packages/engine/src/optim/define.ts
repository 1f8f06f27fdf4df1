// The type of an optimizer's definition, and options that several optimizers share. Each optimizer has one file with its options and its
// class. The list is in index.ts.
import { argument, type Construction, changed, construct } from '../construction.ts';
import { z } from 'zod';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import type { Optimizer } from './optimizer.ts';

/**
 * Without type arguments, the type covers the definition of any optimizer. Pass only options that the schema has parsed to its functions.
 */
export interface OptimizerDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /** Returns how many arrays of a parameter's size the optimizer keeps for each parameter. Memory estimates use it. */
  stateArrays(options: Options): number;
  build(options: Options, parameters: readonly Tensor[]): Optimizer;
  /** Returns how PyTorch constructs the same optimizer, without the argument for its parameters. */
  pytorch(options: Options): Construction;
}

/** The option that contradicts other options, and the error message. */
export interface Conflict {
  readonly field: string;
  readonly message: string;
}

interface OptimizerParts<Type extends string, Fields extends z.ZodRawShape>
  extends Pick<OptimizerDefinition<z.ZodObject, Filled<Fields>>, 'stateArrays' | 'build' | 'pytorch'> {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields;
  /** Returns an error that depends on several options, or null. Errors of single options are found by the schema. */
  readonly conflict?: (options: z.output<TypedSchema<Type, Fields>>) => Conflict | null;
}

/** Defines an optimizer. */
export function defineOptimizer<const Type extends string, Fields extends z.ZodRawShape>(
  parts: OptimizerParts<Type, Fields>,
): OptimizerDefinition<TypedSchema<Type, Fields>, Filled<Fields>> {
  const { options, conflict = () => null, ...definition } = parts;
  const schema = typedSchema(parts.type, parts.description, options).check(({ value, issues }) => {
    const found = conflict(value);
    if (found !== null) issues.push({ code: 'custom', path: [found.field], message: found.message, input: value });
  });
  return { ...definition, schema };
}

/** Returns the schema of the learning rate. The default differs between optimizers. */
export const learningRate = (preset: number) =>
  z.number().min(0).default(preset).describe('The learning rate, which scales each step. It is called lr in PyTorch');

export const maximize = z.boolean().default(false).describe('Maximizes the loss instead of minimizing it');

export const weightDecay = z.number().min(0).default(0).describe('L2 penalty: weightDecay · weight is added to the gradient');

const beta = z.number().min(0).lt(1);

/** The schema of the two betas of Adam's family. */
export const betas = z
  .tuple([beta, beta])
  .default([0.9, 0.999])
  .describe('The decay of the running means of the gradient and of its square');

export const eps = (preset: number) => z.number().min(0).default(preset).describe('Added to the denominator to avoid a division by zero');

export const decoupledWeightDecay = z
  .boolean()
  .default(false)
  .describe(
    'Multiplies the weights by 1 − learningRate · weightDecay, as adamW does, instead of adding weightDecay · weight to the gradient',
  );

/** Returns whether an optimizer has a momentum that a scheduler can set. Adam and related optimizers have beta1 instead. */
export function takesMomentum({ schema }: OptimizerDefinition): boolean {
  return 'momentum' in schema.shape || 'betas' in schema.shape;
}

/** Returns how PyTorch constructs an optimizer: always with its learning rate, and with each other option that differs from its default. */
export function constructOptimizer(name: string, fields: z.ZodRawShape, options: AnyOptions): Construction {
  const rate = argument(learningRate(0), options['learningRate']);
  return construct(name, [], { learningRate: rate, ...changed(fields, { ...options, learningRate: undefined }) });
}
