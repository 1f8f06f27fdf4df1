// The type of an optimizer's definition, and options that several optimizers share. Each optimizer has one file with its options and its
// class. The list is in index.ts.
import { type Argument, argument, type Construction, changed, construct } from '../construction.ts';
import { z } from 'zod';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { namePattern } from '../training/namePatterns.ts';
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
  /** Returns the options that a group changes, as the entries of a parameter group in PyTorch. */
  pytorchGroup(group: GroupSpec): Readonly<Record<string, Argument>>;
}

/** A group of parameters in a job spec: the pattern of their names, and the optimizer's options that it changes. */
export interface GroupSpec extends AnyOptions {
  readonly layers: string;
}

/** The field of an optimizer in a job spec that its class does not have. */
export interface Grouped {
  groups: z.ZodOptional<z.ZodType<readonly GroupSpec[], readonly GroupSpec[]>>;
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
  /** The options, besides `maximize`, that a group cannot change, because PyTorch's groups cannot. */
  readonly ungrouped?: readonly string[];
  /** Returns an error that depends on several options, or null. Errors of single options are found by the schema. */
  readonly conflict?: (options: z.output<TypedSchema<Type, Fields>>) => Conflict | null;
}

/** The definition of an optimizer, and the schema of its class's options: `type` and all that a spec can have, without groups. */
export interface DefinedOptimizer<Type extends string, Fields extends z.ZodRawShape>
  extends OptimizerDefinition<TypedSchema<Type, Fields & Grouped>, Filled<Fields>> {
  readonly classSchema: TypedSchema<Type, Fields>;
}

/** Defines an optimizer. */
export function defineOptimizer<const Type extends string, Fields extends z.ZodRawShape>(
  parts: OptimizerParts<Type, Fields>,
): DefinedOptimizer<Type, Fields> {
  const { options, ungrouped = [], conflict = () => null, ...definition } = parts;
  const classSchema = typedSchema(parts.type, parts.description, options).check(({ value, issues }) => {
    const found = conflict(value);
    if (found !== null) issues.push({ code: 'custom', path: [found.field], message: found.message, input: value });
  });
  const grouped: Fields & Grouped = { ...options, groups: groupsSchema(options, ['maximize', ...ungrouped]).optional() };
  const schema = typedSchema(parts.type, parts.description, grouped).check(({ value, issues }) => {
    const { groups = [], ...own } = value as z.output<typeof classSchema> & { readonly groups?: readonly GroupSpec[] };
    const found = conflict(own as z.output<typeof classSchema>);
    if (found !== null) issues.push({ code: 'custom', path: [found.field], message: found.message, input: value });
    else issues.push(...groups.flatMap((group, index) => conflictIn({ ...own, ...group }, index)));
  });
  const conflictIn = (merged: object, index: number): z.core.$ZodRawIssue[] => {
    const found = conflict(merged as z.output<typeof classSchema>);
    return found === null ? [] : [{ code: 'custom', path: ['groups', index, found.field], message: found.message, input: merged }];
  };
  return {
    ...definition,
    schema,
    classSchema,
    pytorchGroup: ({ layers: _layers, ...changes }) =>
      Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, argument(options[name], value)])),
  };
}

/** The most groups of an optimizer. */
const MOST_GROUPS = 32;

/** Returns the schema of `groups`: each has a pattern, and any of the options. Options that are left out have no defaults. */
function groupsSchema(options: z.ZodRawShape, ungrouped: readonly string[]): z.ZodType<readonly GroupSpec[], readonly GroupSpec[]> {
  const changes = Object.entries(options)
    .filter(([name]) => !ungrouped.includes(name))
    .map(([name, field]) => [name, withoutDefault(field as z.ZodType)]);
  const group = z.strictObject({ layers: namePattern, ...(Object.fromEntries(changes) as z.ZodRawShape) });
  return z
    .array(group)
    .min(1)
    .max(MOST_GROUPS)
    .describe(
      "Groups of weights with options of their own. A weight belongs to the first group whose pattern matches its name, or the name of a layer that holds it. Options that a group leaves out are the optimizer's own, which the other weights also have",
    );
}

function withoutDefault(field: z.ZodType): z.ZodType {
  const given = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
  return field.description === undefined ? given.optional() : given.optional().describe(field.description);
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
