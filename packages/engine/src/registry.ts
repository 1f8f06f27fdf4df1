// What the registries of layers, losses, optimizers and schedulers have in common: definitions with a `type` and a
// zod schema, one list of them, and the schema of "any one of these" derived from the list. It knows none of them.
import { z } from 'zod';
import { isOptions, notOptions } from './argumentChecks.ts';
import { ArgumentError } from './errors.ts';
import { parse } from './validation.ts';

/** What every definition has: the name that a job spec uses, a sentence for people, the schema of its object in a spec. */
export interface Definition<Schema extends z.ZodObject = z.ZodObject> {
  readonly type: string;
  readonly description: string;
  readonly schema: Schema;
}

/** Options whose definition is not known here; its schema has parsed them. */
export type AnyOptions = Readonly<Record<string, unknown>>;

/** Options of a spec with their defaults filled in. */
export type Filled<Fields extends z.ZodRawShape> = z.output<z.ZodObject<Fields>>;

/** A definition's schema: its `type` and its options. */
export type TypedSchema<Type extends string, Fields extends z.ZodRawShape> = z.ZodObject<
  Fields & { type: z.ZodLiteral<Type> },
  z.core.$strict
>;

/** Makes a definition's schema; unknown fields are refused. */
export function typedSchema<const Type extends string, Fields extends z.ZodRawShape>(
  type: Type,
  description: string,
  fields: Fields,
): TypedSchema<Type, Fields> {
  const shape: Fields & { type: z.ZodLiteral<Type> } = { type: z.literal(type), ...fields };
  return z.strictObject(shape).describe(description);
}

/** The schemas of a list of definitions, in its order. */
type SchemasOf<Definitions extends readonly Definition[]> = { -readonly [Index in keyof Definitions]: Definitions[Index]['schema'] };

export interface Registry<Definitions extends readonly [Definition, ...Definition[]]> {
  readonly definitions: Definitions;
  /** The union over `type`. */
  readonly schema: z.ZodDiscriminatedUnion<SchemasOf<Definitions>, 'type'>;
  /** @throws ArgumentError that lists the known types for an unknown one. */
  readonly find: (type: string) => Definitions[number];
}

/** Makes a registry of a list of definitions; `kind` is what people call one of them. */
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
 * The arguments of a class with their defaults filled in, checked by the same schema as a job spec's.
 * @param owner the class, for the message: `Conv2d`.
 * @param named the arguments that have a place of their own
 * @param options the rest
 * @throws ArgumentError that names every argument that does not fit, its value and what would.
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
 * @throws ArgumentError that names everything that is wrong
 */
export function parsed<Schema extends z.ZodType>(owner: string, schema: Schema, input: unknown): z.output<Schema> {
  const result = parse(schema, input);
  if (result.ok) return result.data;
  const problems = result.problems.map(({ path, message }) => `${path.slice(1).replaceAll('/', '.')}: ${message}`);
  throw new ArgumentError(`${owner}: ${problems.join('; ')}`);
}
