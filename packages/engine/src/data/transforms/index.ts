// The one list of transforms, and what follows from it: the schema of one in a job spec and the shape that a list of them
// gives. A new transform is one file beside this one and one line here.
import type { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { registry } from '../../registry.ts';
import type { Shape } from '../../shape.ts';
import type { TransformDefinition } from './define.ts';
import { horizontalFlip } from './horizontalFlip.ts';
import { normalize } from './normalize.ts';
import { pad } from './pad.ts';
import { randomCrop } from './randomCrop.ts';

const transforms = registry('transform', [normalize, pad, randomCrop, horizontalFlip]);

export const transformDefinitions: readonly TransformDefinition[] = transforms.definitions;
/** Any one transform of a job spec. */
export const transformSchema = transforms.schema;
/** A transform of a job spec with its defaults filled in; plain data, so that a thread can be handed one. */
export type TransformSpec = z.output<typeof transformSchema>;

/** @throws ArgumentError that lists the known transforms for an unknown one. */
export function findTransform(type: string): TransformDefinition {
  return transforms.find(type);
}

/** The shape of a transformed sample, or the first transform that does not fit what comes before it. */
export type TransformedShape =
  | { readonly ok: true; readonly shape: Shape }
  | { readonly ok: false; readonly index: number; readonly error: ShapeError };

/** Folds the transforms' shape rules over the shape of one sample. */
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
