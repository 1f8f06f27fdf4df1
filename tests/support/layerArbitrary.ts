// Random lists of layers that fit each other, made from the registry: options from each definition's JSON Schema, and of the
// layers that come up those that take what the ones before them give.
import { inferShapes, type LayerSpec, layerDefinitions, layerSchema, type Shape } from '@trainyard/engine';
import * as fc from 'fast-check';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Values that an option can have: small sizes, and numbers that do not blow up what is computed. */
function valueOf(name: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  // A tiny one makes noise of what is all but constant, in whichever runtime.
  if (name === 'eps') return fc.double({ min: 0.05, max: 1, noNaN: true });
  // Softplus jumps there, by nothing that float32 can tell from 20 on.
  if (name === 'threshold') return fc.double({ min: 20, max: 30, noNaN: true });
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valueOf(name, choice)));
  if (schema.prefixItems !== undefined) return fc.tuple(...schema.prefixItems.map((item) => valueOf(name, item as JsonSchema)));
  switch (schema.type) {
    case 'integer': {
      const min = Math.max(schema.minimum ?? -1, -2);
      return fc.integer({ min, max: Math.min(schema.maximum ?? Infinity, min + 3) });
    }
    case 'number':
      return fc.double({
        min: schema.minimum ?? (schema.exclusiveMinimum === undefined ? -1 : 0.3),
        max: Math.min(schema.maximum ?? 2, 2),
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valueOf(name, (schema.items ?? {}) as JsonSchema), { minLength: 1, maxLength: 2 });
    case 'object':
      return fc.record(optionsOf(schema));
    default:
      return fc.constant(null);
  }
}

/** Each option of a layer's schema, but its name. */
function optionsOf({ properties = {} }: JsonSchema): Record<string, fc.Arbitrary<unknown>> {
  const { name: _, ...options } = properties as Record<string, JsonSchema>;
  return Object.fromEntries(Object.entries(options).map(([option, value]) => [option, valueOf(option, value)]));
}

/** One layer of a type with any of its options, whether it fits or not. */
function candidate(type: string, schema: z.ZodType): fc.Arbitrary<object> {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  const { type: _, name: __, ...options } = properties as Record<string, JsonSchema>;
  const values = Object.fromEntries(Object.entries(options).map(([option, value]) => [option, valueOf(option, value)]));
  return fc
    .record(values, { requiredKeys: ['eps', ...required].filter((option) => option in options) })
    .map((chosen): object => ({ type, ...chosen }));
}

/** Options often do not fit where there are many of them: those layers come up more often. */
const anyLayer = fc.oneof(
  ...layerDefinitions.map(({ type, schema }) => ({ arbitrary: candidate(type, schema), weight: Object.keys(schema.shape).length })),
);

/** Values of a layer's output at most. */
const MOST_VALUES = 3_000;

function fitting(candidates: readonly object[], inputShape: Shape): LayerSpec[] {
  const layers: LayerSpec[] = [];
  for (const option of candidates) {
    const parsed = layerSchema.safeParse(option);
    if (!parsed.success) continue;
    const inferred = inferShapes([...layers, parsed.data], inputShape);
    const output = inferred.ok ? inferred.layers.at(-1)?.outputShape : undefined;
    if (output !== undefined && output.reduce((product, size) => product * size, 1) <= MOST_VALUES) layers.push(parsed.data);
  }
  return layers;
}

const size = fc.integer({ min: 1, max: 9 });
const sampleShape: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.integer({ min: 1, max: 4 }), size, size) },
  fc.tuple(size),
);

/** A network's input, of one of these shapes, and its layers. */
export const networkFor = (shapes: fc.Arbitrary<Shape>) =>
  fc
    .tuple(shapes, fc.array(anyLayer, { maxLength: 14 }))
    .map(([inputShape, candidates]) => ({ inputShape, layers: fitting(candidates, inputShape) }));

/** The same of any shape. */
export const anyNetwork = networkFor(sampleShape);
