// The list of transforms, the schema of a transform in a job spec, and the shape after a list of transforms. A new transform needs a file
// next to this one and a line here.
import type { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { registry } from '../../registry.ts';
import type { Shape } from '../../shape.ts';
import type { AnyTransformDefinition } from './define.ts';
import { affine } from './affine.ts';
import { centerCrop } from './centerCrop.ts';
import { colorJitter } from './colorJitter.ts';
import { cutmix } from './cutmix.ts';
import { gaussianBlur } from './gaussianBlur.ts';
import { gaussianNoise } from './gaussianNoise.ts';
import { grayscale } from './grayscale.ts';
import { horizontalFlip } from './horizontalFlip.ts';
import { mixup } from './mixup.ts';
import { normalize } from './normalize.ts';
import { pad } from './pad.ts';
import { randomCrop } from './randomCrop.ts';
import { randomErasing } from './randomErasing.ts';
import { randomResizedCrop } from './randomResizedCrop.ts';
import { resize } from './resize.ts';
import { rotate } from './rotate.ts';
import { standardize } from './standardize.ts';
import { trivialAugment } from './trivialAugment.ts';
import { verticalFlip } from './verticalFlip.ts';

const transforms = registry('transform', [
  normalize,
  standardize,
  pad,
  resize,
  centerCrop,
  grayscale,
  randomCrop,
  randomResizedCrop,
  horizontalFlip,
  verticalFlip,
  rotate,
  affine,
  colorJitter,
  gaussianBlur,
  gaussianNoise,
  randomErasing,
  trivialAugment,
  mixup,
  cutmix,
]);

export const transformDefinitions: readonly AnyTransformDefinition[] = transforms.definitions;
/** The schema of one transform in a job spec. */
export const transformSchema = transforms.schema;
/** A transform in a job spec, with its defaults filled in. It is plain data, so that it can be sent to a thread. */
export type TransformSpec = z.output<typeof transformSchema>;

/** Returns the definition of a transform. @throws ArgumentError for an unknown type; the message lists the known ones */
export function findTransform(type: string): AnyTransformDefinition {
  return transforms.find(type);
}

/** The shape of a transformed sample, or the first transform that does not fit its input and the error. */
export type TransformedShape =
  | { readonly ok: true; readonly shape: Shape }
  | { readonly ok: false; readonly index: number; readonly error: ShapeError };

/** Returns the shape of a sample after all transforms. */
export function transformedShape(specs: readonly TransformSpec[], input: Shape): TransformedShape {
  let shape = input;
  for (const [index, spec] of specs.entries()) {
    try {
      shape = findTransform(spec.type).outputShape(spec, shape);
    } catch (error) {
      if (error instanceof ShapeError) return { ok: false, index, error };
      throw error;
    }
  }
  return { ok: true, shape };
}

/** Returns whether any of the transforms mixes the samples of a training batch. The targets of the batch are then probabilities. */
export function mixesBatches(specs: readonly TransformSpec[]): boolean {
  return specs.some(({ type }) => findTransform(type).scope === 'batch');
}

/** Returns how many of the transforms need statistics of the training data. */
export function countFitted(specs: readonly TransformSpec[]): number {
  return specs.filter(({ type }) => {
    const definition = findTransform(type);
    return definition.scope === 'sample' && definition.needsStatistics === true;
  }).length;
}
