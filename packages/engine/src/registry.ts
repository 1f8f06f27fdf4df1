// Makes the registries of layers, losses, optimizers and schedulers. A registry is a list of definitions, each with a `type` and a zod
// schema. It finds a definition by its type, and has a schema that accepts the options of any of its definitions.
import { z } from 'zod';
import { isOptions, notOptions } from './argumentChecks.ts';
import { ArgumentError } from './errors.ts';
import { parse } from './validation.ts';

/** The fields of every definition: the name in a job spec, a sentence for people, and the schema of the object in a spec. */
export interface Definition<Schema extends z.ZodObject = z.ZodObject> {
  readonly type: string;
  readonly description: string;
  readonly schema: Schema;
}

/** The options of a definition whose type is not known. The definition's schema has parsed them. */
export type AnyOptions = Readonly<Record<string, unknown>>;

/** The options of a spec with defaults filled in. */
export type Filled<Fields extends z.ZodRawShape> = z.output<z.ZodObject<Fields>>;

/** The schema of a definition: its `type` and its options. */
export type TypedSchema<Type extends string, Fields extends z.ZodRawShape> = z.ZodObject<
  Fields & { type: z.ZodLiteral<Type> },
  z.core.$strict
>;

/** Makes the schema of a definition. The schema refuses unknown fields. */
export function typedSchema<const Type extends string, Fields extends z.ZodRawShape>(
  type: Type,
  description: string,
  fields: Fields,
): TypedSchema<Type, Fields> {
  const shape: Fields & { type: z.ZodLiteral<Type> } = { type: z.literal(type), ...fields };
  return z.strictObject(shape).describe(description);
}

/** The schemas of a list of definitions, in the same order. */
type SchemasOf<Definitions extends readonly Definition[]> = { -readonly [Index in keyof Definitions]: Definitions[Index]['schema'] };

export interface Registry<Definitions extends readonly [Definition, ...Definition[]]> {
  readonly definitions: Definitions;
  /** The union of the schemas; `type` decides which one applies. */
  readonly schema: z.ZodDiscriminatedUnion<SchemasOf<Definitions>, 'type'>;
  /** Returns the definition of a type. @throws ArgumentError for an unknown type. The message lists the known types. */
  readonly find: (type: string) => Definitions[number];
}

/** Makes a registry from a list of definitions. @param kind the word for one definition in messages, such as "layer" */
export function registry<const Definitions extends readonly [Definition, ...Definition[]]>(
  kind: string,
  definitions: Definitions,
): Registry<Definitions> {
  const byType = new Map(definitions.map((definition) => [definition.type, definition]));
  return {
    definitions,
    schema: z.discriminatedUnion('type', definitions.map(({ schema }) => schema) as SchemasOf<Definitions>),
    find(type) {
      const definition = byType.get(type);
      if (definition === undefined) {
        throw new ArgumentError(`unknown ${kind} "${type}" (known: ${[...byType.keys()].join(', ')})`);
      }
      return definition;
    },
  };
}

/**
 * Checks the arguments of a class with the schema that also checks job specs, and fills in defaults.
 * @param owner the class, for the message: `Conv2d`
 * @param named the positional arguments, by name
 * @param options all other arguments
 * @throws ArgumentError if arguments are wrong. The message names each one, its value and the remedy
 */
export function checkArguments<Schema extends z.ZodObject, Named extends Partial<z.input<Schema>>>(
  owner: string,
  schema: Schema,
  named: Named,
  options: Omit<z.input<Schema>, keyof Named>,
): z.output<Schema> {
  if (!isOptions(options)) {
    const option = Object.keys(schema.shape).find((name) => name !== 'type' && !Object.hasOwn(named, name));
    throw notOptions(owner, options, option ?? '');
  }
  return parsed(owner, schema, { ...options, ...named });
}

/**
 * Parses an input by a schema, for example a spec, and fills in defaults.
 * @param owner the function or class with this argument, for the message
 * @throws ArgumentError if the input does not fit the schema. The message lists the problems
 */
export function parsed<Schema extends z.ZodType>(owner: string, schema: Schema, input: unknown): z.output<Schema> {
  const result = parse(schema, input);
  if (result.ok) return result.data;
  const problems = result.problems.map(({ path, message }) => `${path.slice(1).replaceAll('/', '.')}: ${message}`);
  throw new ArgumentError(`${owner}: ${problems.join('; ')}`);
}
