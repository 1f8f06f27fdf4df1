// Describes constructor calls for exported scripts, such as `nn.Linear(8, 4)`: the class, and the arguments that differ from its defaults.
// Classes have the same names in PyTorch and in the engine, so one description serves the scripts for both. formats/ writes the scripts.
import { z } from 'zod';

/** A number that is written with a decimal point, even if it is whole: `1.0`. */
export interface Float {
  readonly float: number;
}

/** A tensor with these values. */
export interface TensorValue {
  readonly tensor: number | readonly number[];
}

/** A variable of the script, by its name in TypeScript. In Python the name is in snake_case. */
export interface Variable {
  readonly variable: string;
}

export type Argument = null | number | boolean | string | Float | TensorValue | Variable | Construction | readonly Argument[];

/** A call of a constructor: `name(...positional, ...named)`. */
export interface Construction {
  /** The name as PyTorch users write it: `nn.Conv2d`, `optim.SGD`. */
  readonly name: string;
  readonly positional: readonly Argument[];
  /** The named arguments, by their names in a job spec. */
  readonly named: Readonly<Record<string, Argument>>;
  /** Python code that a script needs before this line, because PyTorch has no such class. */
  readonly definitions?: string;
}

/**
 * Returns the description of a constructor call.
 * @param named the named arguments. {@link changed} returns the options that differ from their defaults
 */
export function construct(
  name: string,
  positional: readonly Argument[] = [],
  named: Readonly<Record<string, Argument>> = {},
): Construction {
  return { name, positional, named };
}

/**
 * Returns the options that differ from their defaults, in the order of the fields.
 * @param fields the fields of a definition; their defaults must be PyTorch's
 */
export function changed(fields: z.ZodRawShape, options: Readonly<Record<string, unknown>>): Record<string, Argument> {
  const named: Record<string, Argument> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = options[name];
    const { defaultText } = traitsOf(field);
    if (value === undefined || JSON.stringify(value) === defaultText) continue;
    named[name] = argument(field, value);
  }
  return named;
}

/**
 * Returns the options up to the last one that differs from its default, in the order of the fields. Use it for a class with positional
 * arguments.
 */
export function leading(fields: z.ZodRawShape, options: Readonly<Record<string, unknown>>): Argument[] {
  const names = Object.keys(fields);
  const last = names.findLastIndex((name) => name in changed(fields, options));
  return names.slice(0, last + 1).map((name) => argument(fields[name], options[name]));
}

/** Returns an option's value as an argument. If the option also accepts fractions, its numbers become a {@link Float}. */
export function argument(field: z.core.$ZodType, value: unknown): Argument {
  return traitsOf(field).schema.parse(value);
}

interface FieldTraits {
  /** The default as JSON; undefined for a field without one. */
  readonly defaultText: string | undefined;
  readonly schema: z.ZodType<Argument>;
}

/** Caches the traits of fields: computing them is slow, and a model has many layers. */
const knownTraits = new WeakMap<z.core.$ZodType, FieldTraits>();

function traitsOf(field: z.core.$ZodType): FieldTraits {
  const known = knownTraits.get(field);
  if (known !== undefined) return known;
  const isFloat = JSON.stringify(z.toJSONSchema(field, { io: 'input' })).includes('"type":"number"');
  const traits = { defaultText: JSON.stringify(z.safeParse(field, undefined).data), schema: isFloat ? floatArgument : wholeArgument };
  knownTraits.set(field, traits);
  return traits;
}

function argumentSchema(isFloat: boolean): z.ZodType<Argument> {
  const number = isFloat ? z.number().transform((float): Argument => ({ float })) : z.number();
  const single = z.union([number, z.boolean(), z.string(), z.null()]);
  return z.union([single, z.array(single)]);
}

const floatArgument = argumentSchema(true);
const wholeArgument = argumentSchema(false);

/** Returns the given options as tensors. Options that are undefined are left out. */
export function tensors(options: Readonly<Record<string, number | readonly number[] | undefined>>): Record<string, TensorValue> {
  const named: Record<string, TensorValue> = {};
  for (const [name, value] of Object.entries(options)) if (value !== undefined) named[name] = { tensor: value };
  return named;
}
