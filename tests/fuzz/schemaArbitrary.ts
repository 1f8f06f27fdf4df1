// Values that fit a JSON Schema of the OpenAPI document, most of the time: now and then a part is anything at all, so that what
// nearly fits is tried as well.
import * as fc from 'fast-check';

export interface Schema {
  readonly [key: string]: unknown;
}

/** One part in this many is anything. */
const strayOneIn = 25;

/** Deeper than this, optional parts are left out. */
const deepest = 6;

export function arbitraryOf(schema: Schema, components: Readonly<Record<string, Schema>>, depth = 0): fc.Arbitrary<unknown> {
  const fitting = fittingOf(schema, components, depth);
  return fc.oneof({ weight: strayOneIn - 1, arbitrary: fitting }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
}

function fittingOf(schema: Schema, components: Readonly<Record<string, Schema>>, depth: number): fc.Arbitrary<unknown> {
  if (typeof schema['$ref'] === 'string') return fittingOf(components[schema['$ref'].split('/').at(-1) ?? ''] ?? {}, components, depth);
  const examples = schema['examples'];
  if (Array.isArray(examples) && examples.length > 0 && depth === 0) {
    const { examples: _examples, ...plain } = schema;
    return fc.oneof(fc.constantFrom(...(examples as unknown[])), fittingOf(plain, components, depth));
  }
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const alternatives = (schema['oneOf'] ?? schema['anyOf']) as readonly Schema[] | undefined;
  if (alternatives !== undefined) return fc.oneof(...alternatives.map((alternative) => arbitraryOf(alternative, components, depth + 1)));
  switch (schema['type']) {
    case 'object':
      return objectOf(schema, components, depth);
    case 'array': {
      const first = schema['prefixItems'] as readonly Schema[] | undefined;
      if (first !== undefined) return fc.tuple(...first.map((item) => arbitraryOf(item, components, depth + 1)));
      if (schema['items'] === false) return fc.constant([]);
      const items = (schema['items'] ?? {}) as Schema;
      const minLength = Number(schema['minItems'] ?? 0);
      return fc.array(arbitraryOf(items, components, depth + 1), { minLength, maxLength: minLength + (depth > deepest ? 0 : 3) });
    }
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({ min: bound(schema, 'inimum', 1, -10), max: bound(schema, 'aximum', -1, 1_000) });
    case 'number':
      return fc.double({ min: bound(schema, 'inimum', 1e-9, -1e6), max: bound(schema, 'aximum', -1e-9, 1e6), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf(schema: Schema, components: Readonly<Record<string, Schema>>, depth: number): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  const required = (schema['required'] ?? []) as string[];
  const names = Object.keys(properties).filter((name) => required.includes(name) || depth <= deepest);
  const fields = fc.record(Object.fromEntries(names.map((name) => [name, arbitraryOf(properties[name] ?? {}, components, depth + 1)])), {
    requiredKeys: names.filter((name) => required.includes(name)),
  });
  const others = schema['additionalProperties'];
  if (typeof others !== 'object' || others === null || depth > deepest) return fields;
  const keys = fc.oneof(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.constantFrom('/epochs', '/optimizer/learningRate', '/model/layers/0'),
  );
  return fc.dictionary(keys, arbitraryOf(others as Schema, components, depth + 1), { maxKeys: 3, noNullPrototype: true });
}

function textOf(schema: Schema): fc.Arbitrary<string> {
  const minLength = Number(schema['minLength'] ?? 0);
  const free = fc.string({ minLength, maxLength: Math.min(Number(schema['maxLength'] ?? 40), minLength + 40), unit: 'grapheme' });
  const patterns = schema['pattern'];
  const formatted =
    schema['format'] === 'date-time'
      ? fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }).map((date) => date.toISOString())
      : fc.constantFrom('https://example.com/hooks', 'relu', 'layer1');
  // Generating by lookaheads is more than fast-check can.
  if (typeof patterns !== 'string' || /\(\?[=!<]/.test(patterns)) return fc.oneof(formatted, free);
  return fc.oneof(fc.stringMatching(new RegExp(patterns), { size: '-1' }), free);
}

/** `minimum` or `maximum`, or the exclusive one moved by `step`. */
function bound(schema: Schema, name: 'inimum' | 'aximum', step: number, byDefault: number): number {
  const least = (schema['minimum'] ?? schema['exclusiveMinimum']) as number | undefined;
  const most = (schema['maximum'] ?? schema['exclusiveMaximum']) as number | undefined;
  const given =
    schema[`m${name}`] ?? (typeof schema[`exclusiveM${name}`] === 'number' ? Number(schema[`exclusiveM${name}`]) + step : undefined);
  if (typeof given === 'number')
    return name === 'aximum' ? Math.min(given, Math.max(least ?? 0, 0) + 1_000_000) : Math.max(given, -1_000_000);
  return name === 'inimum' ? Math.min(byDefault, most ?? byDefault) : Math.max(byDefault, (least ?? 0) + 1);
}
