// What an optimizer's definition holds. One file an optimizer: options of a job spec, the class. The list is in index.ts.
import { argument, type Construction, changed, construct } from '../construction.ts';
import { z } from 'zod';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import type { Optimizer } from './optimizer.ts';

/** Without arguments: any optimizer, whose options are known to fit because its schema parsed them. */
export interface OptimizerDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /** How many arrays of a parameter's size it keeps for each: what it costs in memory. */
  stateArrays(options: Options): number;
  build(options: Options, parameters: readonly Tensor[]): Optimizer;
  /** The optimizer in PyTorch, but for its parameters. */
  pytorch(options: Options): Construction;
}

/** Options that do not go together: the one to blame and why. */
export interface Conflict {
  readonly field: string;
  readonly message: string;
}

interface OptimizerParts<Type extends string, Fields extends z.ZodRawShape>
  extends Pick<OptimizerDefinition<z.ZodObject, Filled<Fields>>, 'stateArrays' | 'build' | 'pytorch'> {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields;
  /** What no single option can say; null when they go together. */
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

/** Length of a step, with the optimizer's own default. */
export const learningRate = (preset: number) => z.number().min(0).default(preset).describe('Length of a step; PyTorch calls it lr');

export const maximize = z.boolean().default(false).describe('Goes up the gradient instead of down');

export const weightDecay = z.number().min(0).default(0).describe('L2 penalty: this share of a weight is added to its gradient');

const beta = z.number().min(0).lt(1);

/** Options of Adam's family. */
export const betas = z.tuple([beta, beta]).default([0.9, 0.999]).describe('Decay of the running means of the gradient and of its square');

export const eps = (preset: number) => z.number().min(0).default(preset).describe('Added to the denominator');

export const decoupledWeightDecay = z
  .boolean()
  .default(false)
  .describe('Shrinks the weights by learningRate · weightDecay themselves, as adamW does, instead of adding to the gradient');

/** Whether an optimizer has a momentum, or a beta in its place, that a scheduler can set. */
export function takesMomentum({ schema }: OptimizerDefinition): boolean {
  return 'momentum' in schema.shape || 'betas' in schema.shape;
}

/** An optimizer's line in PyTorch: its rate always, other options where they are not the default. */
export function constructOptimizer(name: string, fields: z.ZodRawShape, options: AnyOptions): Construction {
  const rate = argument(learningRate(0), options['learningRate']);
  return construct(name, [], { learningRate: rate, ...changed(fields, { ...options, learningRate: undefined }) });
}
