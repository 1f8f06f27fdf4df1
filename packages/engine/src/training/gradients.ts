// Makes a snapshot of all gradients after the first backward pass of an epoch, before clipping and the update. Small gradients are included
// completely, because PyTorch's tutorial prints them before and after `backward()`. The run is not changed.
import { z } from 'zod';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import { NonFiniteNumbers, nonFiniteSchema } from './nonFinite.ts';
import { statisticsOf, statisticsSchema } from './statistics.ts';

/** The most values of a parameter for which all gradient values are included. */
export const SHOWN_WHOLE = 64;

const valuesSchema = z.array(z.number().nullable());

const parameterGradientSchema = z.object({
  name: z.string().describe('The name of the parameter, as in `model.safetensors`'),
  shape: z.array(z.int().min(1)),
  ...statisticsSchema.omit({ nonFinite: true }).shape,
  before: valuesSchema
    .nullable()
    .optional()
    .describe(
      `The gradient before \`backward()\`, row-major, for parameters of at most ${SHOWN_WHOLE} values. All are 0. Null only in the first epoch of jobs of earlier versions`,
    ),
  after: valuesSchema.optional().describe('The gradient after `backward()`, for the same parameters'),
  nonFinite: nonFiniteSchema('`norm`, or `after/3` for the value at index 3'),
});
export type ParameterGradient = z.infer<typeof parameterGradientSchema>;

export const gradientSnapshotSchema = z.object({
  epoch: z.int().min(1),
  step: z.literal(1).describe('The step within the epoch'),
  parameters: z.array(parameterGradientSchema).describe('The gradients of all trained parameters, in the order of the model'),
  frozen: z
    .array(z.string())
    .optional()
    .describe('The names of the parameters that have no gradients because `freeze` matches them. Absent if there are none'),
});
/** The gradients of an epoch's first step. */
export type GradientSnapshot = z.infer<typeof gradientSnapshotSchema>;

/** Returns the field `frozen` of a snapshot. */
export function frozenParameters(model: Module): Pick<GradientSnapshot, 'frozen'> {
  const frozen = model.namedParameters().flatMap(([name, { requiresGrad }]) => (requiresGrad ? [] : [name]));
  return frozen.length === 0 ? {} : { frozen };
}

/** The values of small gradients before the backward pass, by parameter. */
export type GradientsBefore = ReadonlyMap<Tensor, readonly number[]>;

/** Returns small gradients. Call it after the gradients were set to zero. A gradient that does not exist yet counts as zeros. */
export function gradientsBefore(model: Module): GradientsBefore {
  const small = model.parameters().filter(({ size, requiresGrad }) => requiresGrad && size <= SHOWN_WHOLE);
  return new Map(
    small.map((parameter) => [
      parameter,
      parameter.grad === null ? new Array<number>(parameter.size).fill(0) : Array.from(parameter.grad.values),
    ]),
  );
}

/** Returns the snapshot. Call it after the backward pass. Parameters without a gradient are not included. */
export function snapshotGradients(model: Module, before: GradientsBefore): ParameterGradient[] {
  return model.namedParameters().flatMap(([name, parameter]) => {
    if (parameter.grad === null) return [];
    const { values } = parameter.grad;
    const { nonFinite: notMeasured, ...statistics } = statisticsOf(values);
    const found = new NonFiniteNumbers();
    const shown: Pick<ParameterGradient, 'before' | 'after'> = {};
    const earlier = before.get(parameter);
    if (earlier !== undefined) {
      shown.before = found.list(earlier, 'before');
      shown.after = found.list(values, 'after');
    }
    const nonFinite = { ...notMeasured, ...found.field.nonFinite };
    const named = Object.keys(nonFinite).length === 0 ? {} : { nonFinite };
    return [{ name, shape: [...parameter.shape], ...statistics, ...shown, ...named }];
  });
}
