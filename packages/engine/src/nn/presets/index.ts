// The list of presets, and the layers of a preset for given data. A new preset needs a file next to this one and a line here.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import type { Definition } from '../../registry.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { inferShapes, type LayerSpec, layerSchema } from '../layers/index.ts';
import type { Preset } from './define.ts';
import { lenet5 } from './lenet5.ts';
import { mobileNetSmall } from './mobileNetSmall.ts';
import { mobileNetV2 } from './mobileNetV2.ts';
import { resnet18, resnet34 } from './resnet18.ts';
import { resnet20, resnet8 } from './resnet.ts';
import { squeezeNet1_1 } from './squeezeNet.ts';
import { type WeightNames, weightNamesOf, withLayerNames } from './torchvisionNames.ts';
import { vggSmall } from './vggSmall.ts';

const presets = [lenet5, vggSmall, resnet8, resnet20, mobileNetSmall, resnet18, resnet34, mobileNetV2, squeezeNet1_1] as const;

const schemaOf = <Name extends string>({ name, description }: Preset<Name>) =>
  z.strictObject({ preset: z.literal(name) }).describe(description);

const [first, ...others] = presets.map(schemaOf);
/** The schema of a job spec's `model` that names a preset. */
export const presetSchema = z.discriminatedUnion('preset', [first, ...others]);
export type PresetName = z.output<typeof presetSchema>['preset'];
/** The schema of a preset's name. */
export const presetName = z.enum(presets.map(({ name }) => name));

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
  const preset = findPreset(name);
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
  const layers = z.tuple([layerSchema], layerSchema).parse(withLayerNames(preset.layers(input, outputs)));
  const inferred = inferShapes(layers, input);
  if (inferred.ok) return layers;
  throw new ShapeError(
    `the preset ${name} does not fit samples ${formatShape(input)}: in its layer ${inferred.index}, ${inferred.error.message}`,
  );
}

/** Returns the preset of this name. */
function findPreset(name: PresetName): Preset {
  const [preset] = presets.filter((candidate) => candidate.name === name);
  return preset;
}

/**
 * Returns the names of a model's weights in torchvision; null if the model is not a preset of torchvision.
 * @param model the model of a checked job spec
 */
export function torchvisionNames({ preset: name }: { readonly preset?: PresetName | undefined }): WeightNames | null {
  if (name === undefined) return null;
  const preset = findPreset(name);
  // The names do not depend on the shape of the samples, nor on the number of outputs.
  return preset.isOfTorchvision === true ? weightNamesOf(preset.layers([3, 224, 224], 1000)) : null;
}
