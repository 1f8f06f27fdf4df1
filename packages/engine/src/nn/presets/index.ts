// The list of presets, and the layers of a preset for given data. A new preset needs a file next to this one and a line here.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import type { Definition } from '../../registry.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { inferShapes, type LayerSpec, layerSchema } from '../layers/index.ts';
import type { Preset } from './define.ts';
import { lenet5 } from './lenet5.ts';
import { mobileNetSmall } from './mobileNetSmall.ts';
import { resnet20, resnet8 } from './resnet.ts';
import { vggSmall } from './vggSmall.ts';

const presets = [lenet5, vggSmall, resnet8, resnet20, mobileNetSmall] as const;

const schemaOf = <Name extends string>({ name, description }: Preset<Name>) =>
  z.strictObject({ preset: z.literal(name) }).describe(description);

const [first, ...others] = presets.map(schemaOf);
/** The schema of a job spec's `model` that names a preset. */
export const presetSchema = z.discriminatedUnion('preset', [first, ...others]);
export type PresetName = z.output<typeof presetSchema>['preset'];

/** The presets, as the catalog lists them. */
export const presetDefinitions: readonly Definition[] = presets.map((preset) => ({
  type: preset.name,
  description: preset.description,
  schema: schemaOf<string>(preset),
}));

/**
 * Returns a preset's layers for samples of this shape, with defaults filled in.
 * @param outputs the number of values that the network computes for one sample
 * @throws ShapeError if the preset does not fit the samples or the targets
 */
export function presetLayers(name: PresetName, input: Shape, outputs: number): [LayerSpec, ...LayerSpec[]] {
  const [preset] = presets.filter((candidate) => candidate.name === name);
  if (input.length !== 3) {
    throw new ShapeError(
      `the preset ${name} takes images [channels, height, width], but the data gives ${formatShape(input)}: give the model its own layers`,
    );
  }
  if (!Number.isSafeInteger(outputs)) {
    throw new ShapeError(
      `the preset ${name} needs one output for each value of a target, but a target has ${outputs} values: use smaller targets`,
    );
  }
  const layers = z.tuple([layerSchema], layerSchema).parse(preset.layers(input, outputs));
  const inferred = inferShapes(layers, input);
  if (inferred.ok) return layers;
  throw new ShapeError(
    `the preset ${name} does not fit samples ${formatShape(input)}: in its layer ${inferred.index}, ${inferred.error.message}`,
  );
}
