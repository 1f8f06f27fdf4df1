// Random lists of layers whose shapes fit together. Layer types come from the registry and options from each type's JSON Schema. Layers
// that do not fit the previous ones are left out.
import type { Shape } from '@trainyard/engine';
import { inferShapes, type LayerSpec, layerDefinitions, layerSchema } from '@trainyard/engine/spec';
import * as fc from 'fast-check';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Returns the values of an option: small sizes, and numbers that keep the results small. */
function valueOf(name: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  // A tiny value would amplify the rounding errors of almost constant inputs, in every runtime.
  if (name === 'eps') return fc.double({ min: 0.05, max: 1, noNaN: true });
  // Softplus has a jump at the threshold. From 20 on, it is smaller than the precision of float32.
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

/** Returns the options of a layer's schema, without the name. */
function optionsOf({ properties = {} }: JsonSchema): Record<string, fc.Arbitrary<unknown>> {
  const { name: _, ...options } = properties as Record<string, JsonSchema>;
  return Object.fromEntries(Object.entries(options).map(([option, value]) => [option, valueOf(option, value)]));
}

/** Returns random layers of a type. They may not fit the input. */
function candidate(type: string, schema: z.ZodType): fc.Arbitrary<object> {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  const { type: _, name: __, ...options } = properties as Record<string, JsonSchema>;
  const values = Object.fromEntries(Object.entries(options).map(([option, value]) => [option, valueOf(option, value)]));
  return fc
    .record(values, { requiredKeys: ['eps', ...required].filter((option) => option in options) })
    .map((chosen): object => ({ type, ...chosen }));
}

/** The weight of a layer type. Types with many options often do not fit, so they are drawn more often. */
const anyLayer = fc.oneof(
  ...layerDefinitions.map(({ type, schema }) => ({ arbitrary: candidate(type, schema), weight: Object.keys(schema.shape).length })),
);

/** The maximum number of values in the output of a layer. */
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

/** Returns random networks. Each has one of the given input shapes, and layers that fit it. */
export const networkFor = (shapes: fc.Arbitrary<Shape>) =>
  fc
    .tuple(shapes, fc.array(anyLayer, { maxLength: 14 }))
    .map(([inputShape, candidates]) => ({ inputShape, layers: fitting(candidates, inputShape) }));

/** Returns random networks with any input shape. */
export const anyNetwork = networkFor(sampleShape);
