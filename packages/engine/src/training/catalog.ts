// Everything that a job spec can name, as plain JSON. It is for readers, and for programs that generate forms.
import { z } from 'zod';
import { datasetDefinitions } from '../data/datasets/index.ts';
import { uploaded } from '../data/datasets/uploaded.ts';
import { transformDefinitions } from '../data/transforms/index.ts';
import { lossDefinitions } from '../losses/index.ts';
import { layerDefinitions } from '../nn/layers/index.ts';
import { presetDefinitions } from '../nn/presets/index.ts';
import { optimizerDefinitions } from '../optim/index.ts';
import type { Definition } from '../registry.ts';
import { schedulerDefinitions } from '../schedulers/index.ts';
import { defaultLimits, type SpecLimits } from './specLimits.ts';

const entrySchema = z.object({
  type: z.string().describe('The name in a spec: the value of `type`, `preset` or `dataset`'),
  description: z.string(),
  schema: z.record(z.string(), z.unknown()).describe('The JSON Schema of the object in a spec, with descriptions and defaults'),
});

export const catalogSchema = z.object({
  layers: z.array(entrySchema),
  presets: z.array(entrySchema).describe('The networks that `model` can name instead of layers'),
  losses: z.array(entrySchema),
  optimizers: z.array(entrySchema),
  schedulers: z.array(entrySchema),
  datasets: z.array(entrySchema),
  transforms: z.array(entrySchema),
  limits: z.object({ parameters: z.int(), memoryBytes: z.int(), epochs: z.int(), layers: z.int() }),
});
export type Catalog = z.infer<typeof catalogSchema>;

/** Caches the entries of the catalog. They need no update, because the registries never change. */
let registryEntries: Omit<Catalog, 'limits'> | undefined;

/** Returns the registries as JSON Schema, with these limits. */
export function catalog(limits: SpecLimits = defaultLimits): Catalog {
  registryEntries ??= describeRegistries();
  return { ...registryEntries, limits: { ...limits } };
}

function describeRegistries(): Omit<Catalog, 'limits'> {
  return {
    layers: layerDefinitions.map(entry),
    presets: presetDefinitions.map(entry),
    losses: lossDefinitions.map(entry),
    optimizers: optimizerDefinitions.map(entry),
    schedulers: schedulerDefinitions.map(entry),
    datasets: [...datasetDefinitions, uploaded].map(({ name, description, schema }) => entry({ type: name, description, schema })),
    transforms: transformDefinitions.map(entry),
  };
}

function entry({ type, description, schema }: Definition): Catalog['layers'][number] {
  // zod adds `readOnly` because the array is not written to. In JSON Schema it would mean that a client must not send the property.
  const override: z.core.ToJSONSchemaParams['override'] = ({ jsonSchema }) => delete jsonSchema.readOnly;
  return { type, description, schema: z.toJSONSchema(schema, { io: 'input', override }) };
}
